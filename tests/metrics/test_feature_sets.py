"""Measures of sets of features and of logits: against their definitions, written out."""

import itertools

import numpy as np
import pytest
import scipy.stats

from cu_jax.metrics import inception_score, kernel_distance, precision_recall


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 5)), rng.normal(0.7, 1.3, size=(30, 5))


def test_the_kernel_distance_is_the_sum_over_pairs(sets):
    x, y = (part[:12] for part in sets)

    def kernel(a, b):
        return (a @ b / 5 + 1) ** 3

    within = sum(
        kernel(part[i], part[j]) for part in (x, y) for i in range(12) for j in range(12) if i != j
    )
    across = sum(kernel(a, b) for a, b in itertools.product(x, y))
    expected = within / (12 * 11) - 2 * across / 12**2
    found = kernel_distance(x, y, subsets=3)
    np.testing.assert_allclose(found, (expected, 0), rtol=1e-12, atol=1e-12)


def test_the_kernel_distance_has_no_bias_where_sets_agree():
    rng = np.random.default_rng(1)
    estimates = [
        kernel_distance(rng.normal(size=(20, 3)), rng.normal(size=(20, 3)), subsets=1).mean
        for _ in range(400)
    ]
    assert abs(np.mean(estimates)) < 3 * np.std(estimates) / 20
    assert min(estimates) < 0 < max(estimates)


def test_subsets_are_drawn_by_the_seed_and_their_spread_is_said(sets):
    one, same, other = (kernel_distance(*sets, subset_size=10, seed=s) for s in (0, 0, 1))
    assert one == same != other and one.deviation > 0
    whole = kernel_distance(*sets, subsets=1, subset_size=30).mean
    assert abs(one.mean - whole) < 4 * one.deviation / 10


def naive_coverage(pictures, by, neighbors):
    reach = [sorted(np.linalg.norm(by - one, axis=1))[neighbors] for one in by]
    return np.mean([(np.linalg.norm(by - one, axis=1) <= reach).any() for one in pictures])


@pytest.mark.parametrize("neighbors", [1, 3, 5])
def test_precision_and_recall_are_shares_of_covered_pictures(sets, neighbors):
    real, made = sets
    found = precision_recall(real, made, neighbors)
    assert found.precision == naive_coverage(made, real, neighbors)
    assert found.recall == naive_coverage(real, made, neighbors)
    assert 0 < found.recall and 0 < found.precision < 1


def test_made_pictures_of_one_kind_are_precise_and_recall_little():
    rng = np.random.default_rng(2)
    real = np.concatenate([rng.normal(at, 0.1, (1500, 2)) for at in (0, 5)])
    found = precision_recall(real, rng.normal(0, 0.05, (1100, 2)))
    assert found.precision > 0.98 and found.recall < 0.5


def test_the_inception_score_is_the_mean_divergence_of_each_part():
    logits = np.random.default_rng(3).normal(0, 3, (21, 6))
    parts = [logits[:11], logits[11:]]
    scores = []
    for part in parts:
        shares = np.exp(part) / np.exp(part).sum(1, keepdims=True)
        scores.append(np.exp(np.mean([scipy.stats.entropy(p, shares.mean(0)) for p in shares])))
    found = inception_score(logits, splits=2)
    np.testing.assert_allclose(found, (np.mean(scores), np.std(scores)), rtol=1e-12)
    np.testing.assert_allclose(inception_score(logits + 1e4, splits=2), found, rtol=1e-9)


def test_the_inception_score_lies_between_one_and_the_number_of_classes():
    same = np.zeros((20, 5))
    np.testing.assert_allclose(inception_score(same), (1, 0), atol=1e-12)
    sure = np.where(np.arange(20)[:, None] % 5 == np.arange(5), 0.0, -1e6)
    np.testing.assert_allclose(inception_score(sure, splits=4), (5, 0), atol=1e-12)


@pytest.mark.parametrize("measure", [kernel_distance, precision_recall])
@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (np.zeros(4), np.zeros((4, 2)), r"\[N, D\] .* shape is \(4,\): give one row per picture"),
        (np.zeros((1, 2)), np.zeros((4, 2)), "at least two examples"),
        (np.full((4, 2), np.nan), np.zeros((4, 2)), "4 of 4 rows are not"),
        (np.zeros((4, 2)), np.zeros((4, 3)), "have 2 and 3: use one network for both"),
    ],
)
def test_features_that_do_not_fit_are_refused(measure, first, second, sentence):
    with pytest.raises(ValueError, match=sentence):
        measure(first, second)


def test_numbers_out_of_range_are_refused(sets):
    with pytest.raises(ValueError, match="at least 1 subset of at least 2 pictures, got 0 of 30"):
        kernel_distance(*sets, subsets=0)
    with pytest.raises(ValueError, match="got 100 of 1"):
        kernel_distance(*sets, subset_size=1)
    for neighbors in (0, 30):
        with pytest.raises(ValueError, match=f"less than 30, .* got {neighbors}: change it"):
            precision_recall(*sets, neighbors)
    for logits, splits in ((np.zeros(3), 1), (np.zeros((3, 2)), 4), (np.zeros((3, 2)), 0)):
        with pytest.raises(ValueError, match="at least as many pictures as splits"):
            inception_score(logits, splits)
    with pytest.raises(ValueError, match="must be finite"):
        inception_score(np.full((3, 2), np.inf), 1)
