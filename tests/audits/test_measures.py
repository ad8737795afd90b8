"""The audits' closed forms: membership, ridge, relearning and distance against plain counts."""

import itertools

import numpy as np
import pytest

from cu_jax.audits import distance, membership, membership_gap, relearn, ridge_probe
from cu_jax.audits.probe import ridge_weights
from cu_jax.audits.relearning import order
from cu_jax.audits.restored import mean_psnr, spread_evenly

RNG = np.random.default_rng(0)


def counted(members, others):
    pairs = list(itertools.product(members, others))
    return sum((m < o) + 0.5 * (m == o) for m, o in pairs) / len(pairs)


@pytest.mark.parametrize("values", [3, 1000])  # with many ties, and with few
def test_auc_is_the_share_of_pairs_that_are_in_order(values):
    members = RNG.integers(0, values, 31).astype(np.float64)
    others = RNG.integers(0, values, 23).astype(np.float64)
    found = membership(members, others)
    assert found.auc == pytest.approx(counted(members, others), abs=1e-15)
    assert found.of_members.mean() == pytest.approx(found.of_others.mean())
    # Only ranks count.
    assert membership(np.exp(members / 1000), np.exp(others / 1000)).auc == found.auc


def test_auc_at_its_ends():
    low, high = np.array([0.1, 0.2, 0.3]), np.array([0.4, 0.5])
    assert membership(low, high)[:2] == (1.0, 0.0)
    assert membership(high, low).auc == 0.0
    assert membership(np.ones(4), np.ones(5)).auc == 0.5


def test_standard_error_is_the_spread_over_samples():
    samples = RNG.normal(size=(2000, 60))
    found = [membership(one[:35] - 0.4, one[35:]) for one in samples]
    spread = np.std([one.auc for one in found])
    assert np.mean([one.error for one in found]) == pytest.approx(spread, rel=0.05)


def test_gap_of_two_models_counts_their_pictures_once():
    hard = RNG.normal(size=60)
    one, other = (membership(x[:35], x[35:]) for x in (hard, hard + 0.01 * RNG.normal(size=60)))
    gap, error = membership_gap(one, other)
    assert gap == abs(one.auc - other.auc)
    # What is hard for both cancels: far below that of two independent models.
    assert 0 < error < 0.2 * np.hypot(one.error, other.error)
    assert membership_gap(other, one) == (gap, error)


@pytest.mark.parametrize(
    ("members", "sentence"),
    [(np.ones(1), "at least two pictures"), (np.array([1.0, np.nan]), "must be finite")],
)
def test_membership_of_too_little_is_refused(members, sentence):
    with pytest.raises(ValueError, match=sentence):
        membership(members, np.ones(3))


@pytest.mark.parametrize("shape", [(40, 5), (5, 40)])  # more pictures than features, and fewer
def test_ridge_is_least_squares_with_rows_that_pull_to_zero(shape):
    x, y = RNG.normal(size=shape), RNG.normal(size=(shape[0], 3))
    penalties = [1e-3, 0.7]
    for penalty, weights in zip(penalties, ridge_weights(x, y, penalties), strict=True):
        pull = np.sqrt(len(x) * penalty) * np.eye(shape[1])
        stacked = np.concatenate([x, pull]), np.concatenate([y, np.zeros((shape[1], 3))])
        np.testing.assert_allclose(weights, np.linalg.lstsq(*stacked, rcond=None)[0], atol=1e-10)


def test_probe_reads_classes_that_a_line_parts_and_guesses_others():
    labels = np.arange(300) % 3
    features = np.eye(3)[labels] @ RNG.normal(size=(3, 8)) + 0.05 * RNG.normal(size=(300, 8))
    # Neither the scale of a feature, its mean, nor one that never changes is in the way.
    features = np.concatenate([1e4 * features + 1e5, np.ones((300, 1))], 1)
    assert ridge_probe(features[:200], labels[:200] + 5, features[200:], labels[200:] + 5) == 1.0
    noise = RNG.normal(size=(1000, 8))
    classes = np.arange(1000) % 3
    assert ridge_probe(noise[:500], classes[:500], noise[500:], classes[500:]) == pytest.approx(
        1 / 3, abs=0.07
    )


def test_probe_chooses_a_penalty_where_features_are_many():
    """With 60 features and 60 pictures, least squares alone fits the noise."""
    labels = RNG.integers(0, 2, 1060)
    features = RNG.normal(size=(1060, 60))
    features[:, :10] += (labels[:, None] - 0.5) * 0.8
    found = ridge_probe(features[:60], labels[:60], features[60:], labels[60:])
    x = features[:60] - features[:60].mean(0)
    weights = np.linalg.lstsq(x, labels[:60] - labels[:60].mean(), rcond=None)[0]
    plain = np.mean(((features[60:] - features[:60].mean(0)) @ weights > 0) == labels[60:])
    assert found > plain + 0.05


def test_one_class_alone_has_no_probe():
    assert ridge_probe(np.ones((4, 2)), np.ones(4, int), np.ones((4, 2)), np.ones(4, int)) is None


@pytest.mark.parametrize(
    ("target", "expected"),
    [(0.0, (0, True)), (3.9, (4, True)), (4.1, (6, True)), (9.0, (7, False))],
)
def test_relearning_stops_at_the_first_look_at_the_target(target, expected):
    looks, steps = [], []

    def step(state, number):
        steps.append(number)
        return state + 1.0

    found = relearn(
        0.0, step, float, target=target, limit=7, every=2, done=lambda *seen: looks.append(seen)
    )
    assert (found.updates, found.reached) == expected
    assert steps == list(range(found.updates))
    assert looks == [(float(n), n) for n in (2, 4, 6, 7) if n <= found.updates]
    assert (found.before, found.after) == (0.0, found.updates)


def test_relearning_that_is_not_a_number_goes_on_to_the_limit():
    found = relearn(0, lambda x, _: x, lambda x: float("nan"), target=1.0, limit=5, every=2)
    assert (found.updates, found.reached) == (5, False)


def test_training_passes_over_all_pictures_in_new_orders():
    indices = order(10, 25, seed=3)
    assert sorted(indices[:10]) == sorted(indices[10:20]) == list(range(10))
    assert list(indices[:10]) != list(indices[10:20])
    np.testing.assert_array_equal(indices[:7], order(10, 7, seed=3))


def test_distance_to_itself_is_nothing_and_of_constants_their_difference():
    pixels = RNG.random((4, 9, 3))
    assert distance(pixels, pixels) == (0, 0)
    assert tuple(distance(pixels, pixels - 0.25)) == pytest.approx((0.25, 0.25))
    one = np.zeros((2, 2, 1))
    one[0, 0] = 1.0
    assert distance(one, np.zeros((2, 2, 1))) == (0.5, 0.25)
    with pytest.raises(ValueError, match="the same pixels"):
        distance(pixels, pixels[:3])


def test_pictures_are_taken_from_all_over_the_set():
    chosen = spread_evenly(4000, 500)
    assert len(chosen) == 500 and set(np.diff(chosen)) == {8}
    assert list(spread_evenly(3, 500)) == [0, 1, 2]


def test_psnr_is_the_mean_over_pictures():
    assert mean_psnr(np.array([0.1, 0.001, 0.0])) == pytest.approx((10 + 30 + 100) / 3)
