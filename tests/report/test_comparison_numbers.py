"""A comparison's numbers against closed forms, and its hypervolume against another library."""

import dataclasses
import math

import numpy as np
import pytest

from cu_jax.front import dominated, hypervolume
from cu_jax.report.comparison.choice import chosen
from cu_jax.report.comparison.claims import control_errors, retain_ratios
from cu_jax.report.comparison.conclusions import conclusions
from cu_jax.report.comparison.cost import request_cost
from cu_jax.report.comparison.fronts import method_fronts
from cu_jax.report.comparison.runs import gather
from cu_jax.report.comparison.statistics import entries
from cu_jax.results import Boundaries, Comparison, Probe, Results, Search, Solution

BOUNDS = Boundaries(epsilon_min=0.5, epsilon_max=1.0, epsilon_original=1.5)
WIDE = dataclasses.replace(BOUNDS, epsilon_original=2.5)


def _solution(name, method, forget_loss, retain_loss, control=None):
    epsilon = None if control is None else 0.5 + 0.5 * control
    return Solution(
        name=name, method=method, control=control, epsilon=epsilon, forget_loss=forget_loss,
        retain_loss=retain_loss, metrics={"retain/psnr": 10 * forget_loss},
    )  # fmt: skip


def _runs(*seeds, searches=(), methods=("controllable", "composite"), bounds=BOUNDS):
    record = Comparison(
        name="demo", config_hash="c0", seeds=tuple(range(len(seeds))), methods=methods,
        updates_per_run=700, runs_per_method=2, searches=searches,
    )  # fmt: skip
    results = {
        seed: Results(name="demo", config_hash="c0", boundaries=bounds, solutions=tuple(found))
        for seed, found in enumerate(seeds)
        if found is not None
    }
    return gather(record, results)


COMPOSITE = [
    _solution("composite_0.1", "composite", 1.0, 0.01),
    _solution("composite_1", "composite", 0.6, 0.04),
]


def test_means_and_deviations_are_matched_by_name():
    runs = _runs(
        [_solution("max_loss_1", "max_loss", 0.8, 0.1), COMPOSITE[0]],
        [_solution("max_loss_1", "max_loss", 1.2, 0.4)],
        [_solution("max_loss_1", "max_loss", 1.0, math.nan)],
    )
    found = {entry.name: entry for entry in entries(runs)}
    loss = found["max_loss_1"].means
    assert (loss["forget_loss"].mean, loss["forget_loss"].count) == (pytest.approx(1.0), 3)
    # Deviations −0.2, 0.2, 0: a sum of squares 0.08 over n − 1 = 2.
    assert loss["forget_loss"].deviation == pytest.approx(0.2)
    # The undefined one is left out: 0.1 and 0.4 are 0.3 apart.
    assert loss["retain_loss"].mean == pytest.approx(0.25)
    assert loss["retain_loss"].deviation == pytest.approx(0.3 / math.sqrt(2))
    assert loss["retain/psnr"].mean == pytest.approx(10.0)
    alone = found["composite_0.1"].means["forget_loss"]
    assert alone.count == 1 and math.isnan(alone.deviation)
    assert found["max_loss_1"].value == 1.0 and set(found["max_loss_1"].seeds) == {0, 1, 2}


def test_claim_a_by_hand():
    # At f_f = 0.8 the composite's log f_r is half way from 0.04 to 0.01: 0.02; at 0.6 it is 0.04.
    ours = [("control_0.6", 0.8, 0.6, 0.021), ("control_0.2", 0.6, 0.2, 0.03)]
    path = [_solution(name, "controllable", f, r, control) for name, f, control, r in ours]
    outside = _solution("control_0", "controllable", 0.5, 0.9, 0.0)
    boundary = _solution("utility", "controllable", 0.8, 9.0)
    other = _solution("primal_dual_0.6", "primal_dual", 0.8, 9.0, 0.6)
    claim = retain_ratios(_runs([*COMPOSITE, *path, outside, boundary, other], [*path]))
    assert {(p.seed, p.name): p.value for p in claim.compared} == {
        (0, "control_0.6"): pytest.approx(1.05),
        (0, "control_0.2"): pytest.approx(0.75),
    }
    # One beyond the span, and all of the seed without a composite point.
    assert claim.outside == 3
    assert claim.mean == pytest.approx(0.9)
    assert (claim.worst.seed, claim.worst.name) == (0, "control_0.6")


@pytest.mark.parametrize(("retain_loss", "holds"), [(0.0209, True), (0.0211, False)])
def test_claim_a_has_its_bar(retain_loss, holds):
    ours = _solution("control_0.6", "controllable", 0.8, retain_loss, 0.6)
    runs = _runs([*COMPOSITE, ours])
    assert retain_ratios(runs).holds is holds
    assert conclusions(runs)[0].verdict == ("holds" if holds else "does not hold")
    assert f"{retain_loss / 0.02:.2f} times" in conclusions(runs)[0].text


def test_claim_b_by_hand():
    # The range is 2: errors are half the differences. ε(0.5) = 0.75, ε(1) = 1.
    runs = _runs(
        [
            _solution("control_0.5", "controllable", 0.78, 0.1, 0.5),
            _solution("control_1", "controllable", 0.94, 0.1, 1.0),
            _solution("primal_dual_0.5", "primal_dual", 0.95, 0.1, 0.5),
        ],
        [_solution("control_0.5", "controllable", 0.75, 0.1, 0.5)],
        bounds=WIDE,
    )
    claim = control_errors(runs)
    assert sorted(p.value for p in claim.points) == pytest.approx([-0.03, 0.0, 0.015])
    assert (claim.largest, claim.mean) == (pytest.approx(0.03), pytest.approx(0.015))
    assert claim.holds is False and claim.worst.name == "control_1"
    assert control_errors(runs, "primal_dual").largest == pytest.approx(0.1)
    text = conclusions(runs)[1].text
    assert "at most 3.0 %" in text and "at most 10.0 %" in text


def _search(method, updates, seed=0, control=0.5, reached=True):
    probes = tuple(Probe(value=0.1, forget_loss=0.75, updates=u, seconds=0.01 * u) for u in updates)
    return Search(
        seed=seed, method=method, control=control, epsilon=0.75, tolerance=0.02, span=1.0,
        probes=probes, reached=reached,
    )  # fmt: skip


def test_claim_c_by_hand():
    searches = (
        _search("controllable", [700]),
        _search("composite", [700, 700, 700, 700]),
        _search("controllable", [700], seed=1),
        _search("composite", [700, 700], seed=1),
        _search("controllable", [700], control=0.9),  # without a bisection: no pair
    )
    cost = request_cost(_runs([], [], searches=searches))
    # 1,400 against 4,200 updates; one request alone, at a half, does not keep the bar.
    assert cost.ratio == pytest.approx(1 / 3) and cost.seconds_ratio == pytest.approx(1 / 3)
    assert (len(cost.pairs), cost.below, cost.holds) == (2, 1, True)
    worse = (*searches[:3], _search("composite", [700], seed=1))
    cost = request_cost(_runs([], [], searches=worse))
    assert cost.ratio == pytest.approx(0.4) and cost.holds is False
    lost = (dataclasses.replace(searches[0], reached=False), *searches[1:4])
    runs = _runs([], [], searches=lost)
    assert request_cost(runs).holds is False
    assert "1 of our searches did not get there." in conclusions(runs)[2].text


def test_fronts_by_hand():
    # The box from (0.5, 0) to the reference point (2.5, 0.8) has the area 1.6.
    complete = _solution("complete", "controllable", 0.5, 0.8)
    original = _solution("original", "original", 2.5, 0.0)
    noisy = [
        _solution("noisy_label_1", "noisy_label", 0.7, 0.4),
        _solution("noisy_label_0.3", "noisy_label", 1.0, 0.08),
        _solution("noisy_label_0.1", "noisy_label", 1.2, 0.1),
    ]
    better = _solution("composite_1", "composite", 0.6, 0.4)
    runs = _runs([complete, original, better, *noisy], bounds=WIDE)
    fronts = {front.method: front for front in method_fronts(runs)}
    assert set(fronts) == {"noisy_label", "composite"}
    front = fronts["noisy_label"]
    assert front.names == ("noisy_label_1", "noisy_label_0.3", "noisy_label_0.1")
    np.testing.assert_array_equal(front.dominated, [False, False, True])
    np.testing.assert_array_equal(front.beaten, [True, False, True])
    assert front.hypervolume == pytest.approx((1.8 * 0.4 + 1.5 * (0.4 - 0.08)) / 1.6)
    # From 0.7 to 1 a factor of 2 below the reference, from 1 to 2.5 a factor of 10.
    assert front.decades == pytest.approx((0.3 * math.log10(2) + 1.5) / 2)


def test_a_front_beyond_the_range_fills_the_box_and_no_more():
    complete = _solution("complete", "controllable", 0.5, 0.8)
    runs = _runs([complete, _solution("max_loss_1", "max_loss", 0.3, 0.0)])
    (front,) = method_fronts(runs)
    assert front.hypervolume == pytest.approx(1.0)
    assert math.isnan(method_fronts(_runs([COMPOSITE[0]]))[0].hypervolume), "no reference point"


def test_hypervolume_and_dominated_agree_with_moocore():
    moocore = pytest.importorskip("moocore")
    rng = np.random.default_rng(0)
    for count in (*[1, 2, 3] * 20, 30, 200):
        points = rng.uniform(0, 1, (count, 2)) ** 2
        reference = (0.7, 0.6)
        expected = moocore.hypervolume(points, ref=np.array(reference))
        assert hypervolume(points, reference) == pytest.approx(expected, rel=1e-12)
        np.testing.assert_array_equal(~dominated(points), moocore.is_nondominated(points))


def test_one_point_a_method_within_the_budget():
    # ε(0.5) = 0.75: up to 0.77 a point keeps the budget.
    found = [
        _solution("original", "original", 1.5, 0.0),
        _solution("utility", "controllable", 0.6, 0.001),
        _solution("control_0.5", "controllable", 0.76, 0.02, 0.5),
        _solution("control_0", "controllable", 0.5, 0.7, 0.0),
        _solution("composite_1", "composite", 0.6, 0.04),
        _solution("composite_0.5", "composite", 0.769, 0.025),
        _solution("composite_0.1", "composite", 0.78, 0.001),
        _solution("max_loss_1", "max_loss", 1.2, 0.2),
        _solution("max_loss_2", "max_loss", 1.3, 0.1),
    ]
    choices = [(c.entry.name, c.within) for c in chosen(_runs(found, found))]
    assert choices == [
        ("original", False), ("control_0.5", True), ("composite_0.5", True), ("max_loss_1", False),
    ]  # fmt: skip


def test_what_is_missing_is_said():
    runs = _runs(COMPOSITE, None, [COMPOSITE[0], _solution("control_0", "controllable", 0.5, 0.7)])
    assert runs.missing == (
        "Seed 0 has no solution of controllable yet.",
        "Seed 1 has no results yet.",
        "Seed 2 has no composite_1, which another seed has.",
    )
