"""The table and the closing words of a run, numbers worked out by hand."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from cu_jax.report import closing, markdown_table, summary, terminal_table
from cu_jax.report.page.quantities import columns
from cu_jax.report.palette import Look, looks, ordered
from cu_jax.report.series import smoothed
from cu_jax.report.table import table_rows
from cu_jax.results import Boundaries, Results, Solution


def _solution(name, method, retain_loss, forget_loss, psnr, read, **more):
    metrics = {
        "retain/psnr": psnr[0],
        "forget/psnr": psnr[1],
        "retain/class_consistency": read[0],
        "forget/class_consistency": read[1],
        "retain/fid_digits64_500": 12.0,
    }
    return Solution(
        name=name,
        method=method,
        retain_loss=retain_loss,
        forget_loss=forget_loss,
        metrics=metrics,
        **more,
    )


def _results():
    original = _solution("original", "original", 0.0, 1.6, (9.3, 8.3), (0.84, 0.735))
    control = _solution(
        "control_0.25", "controllable", 0.05, 0.8, (9.0, 5.5), (0.83, 0.55),
        control=0.25, epsilon=0.77, violation=0.03, feasible=False, stationarity=0.4,
        steps=400, steps_from_original=2000, seconds=28.4,
    )  # fmt: skip
    baselines = [
        _solution(
            f"composite_{a}", "composite", r, f, (9.0, 5.5), (0.83, 0.55), steps_from_original=1
        )
        for a, r, f in ((0.3, 0.04, 0.7), (0.1, 0.01, 0.9))
    ]
    return Results(
        name="mae_mnist",
        config_hash="3f9a",
        boundaries=Boundaries(epsilon_min=0.6, epsilon_max=1.1, epsilon_original=1.6),
        solutions=(*baselines, control, original),
    )


def test_rows_in_order_with_their_numbers():
    header, original, control, *baselines = table_rows(_results())
    assert dict(zip(header, control, strict=True)) == {
        "solution": "control 0.25",
        "requested ε": "0.770",
        "f_f": "0.800",
        "ε error": "+3.0 %",
        "f_r": "0.0500",
        "retain dB": "9.0",
        "retain class": "83.0 %",
        "retain FID": "12.0",
        "forget dB": "5.5",
        "forget class": "55.0 %",
        "stationarity": "0.40",
        "updates": "2000",
        "time (s)": "28",
    }
    assert original[header.index("f_r")] == "0"
    assert original[header.index("updates")] == "–"
    assert [row[0] for row in baselines] == ["composite α = 0.1", "composite α = 0.3"]


def test_columns_without_a_number_are_left_out():
    bare = dataclasses.replace(_results().solutions[-1], metrics={}, forget_loss=math.nan)
    (header, row) = table_rows(dataclasses.replace(_results(), solutions=(bare,)))
    assert (header, row) == (["solution", "f_r"], ["original", "0"])


def test_markdown_and_terminal_hold_the_same_cells():
    results = _results()
    rows = table_rows(results)
    markdown = markdown_table(results).splitlines()
    assert [cell.strip() for cell in markdown[2].strip("|").split("|")] == rows[1]
    assert {line.count("|") for line in markdown} == {len(rows[0]) + 1}
    terminal = terminal_table(results).splitlines()
    assert len(terminal) == len(rows) + 2
    assert max(map(len, terminal)) <= 132
    # Every column of numbers ends at one place.
    lines = [terminal[1], *terminal[3:]]
    assert len({len(line) for line in lines}) == 1
    assert all(line.endswith(row[-1]) for line, row in zip(terminal[3:], rows[1:], strict=True))


def test_five_lines_in_plain_words():
    # Composite at f_f = 0.8: half way in log f_r between 0.04 and 0.01, which is 0.02.
    assert summary(_results()).splitlines() == [
        "Original: of the pictures it restores, 84.0 % (retain) and 73.5 % (forget) keep their "
        "class.",
        "Range: forget loss from 0.600 (complete) to 1.100 (utility); the original model has "
        "1.600.",
        "Control: 0 of 1 requests end at most 2 % of the range above ε; control 0.25 is farthest, "
        "+3.0 %.",
        "Trade-off: at control 0.25, forget -18.5 class points, -2.8 dB; retain -1.0 class points, "
        "-0.3 dB.",
        "Baseline: retain loss 2.50 times the composite loss's at the same forget loss.",
    ]


def test_another_methods_request_is_not_ours():
    results = _results()
    other = dataclasses.replace(
        results.solutions[2], name="primal_dual_0.25", method="primal_dual", forget_loss=0.9
    )
    both = dataclasses.replace(results, solutions=(*results.solutions, other))
    assert summary(both) == summary(results)
    names = [s.name for s in ordered(both.solutions)]
    assert names.index("control_0.25") < names.index("composite_0.1") < names.index(other.name)
    assert looks(both.solutions)[other.name] == Look("#0072B2", "^", "primal dual 0.25")
    # Its error of control stands in the table all the same.
    (row,) = [row for row in table_rows(both) if row[0] == "primal dual 0.25"]
    assert "+13.0 %" in row


def test_without_a_classifier_the_lines_say_decibels():
    solutions = [
        dataclasses.replace(s, metrics={k: v for k, v in s.metrics.items() if "psnr" in k})
        for s in _results().solutions
    ]
    results = dataclasses.replace(_results(), solutions=tuple(solutions))
    lines = summary(results).splitlines()
    assert lines[0] == (
        "Original: it restores the hole with a PSNR of 9.3 dB (retain) and 8.3 dB (forget)."
    )
    assert lines[3] == "Trade-off: at control 0.25, forget -2.8 dB; retain -0.3 dB."
    assert "class" not in closing(results, "runs/demo", []) and "FID" not in table_rows(results)[0]


def test_lines_whose_numbers_are_missing_are_left_out():
    solutions = [dataclasses.replace(s, metrics={}) for s in _results().solutions if s.epsilon]
    lines = summary(dataclasses.replace(_results(), solutions=tuple(solutions))).splitlines()
    assert [line.split(":")[0] for line in lines] == ["Range", "Control"]


def test_what_was_not_finite_is_said():
    *others, last = _results().solutions
    changed = dataclasses.replace(others[-1], nonfinite_steps=3)
    broken = dataclasses.replace(last, retain_loss=math.nan, nonfinite_steps=1200)
    results = dataclasses.replace(_results(), solutions=(*others[:-1], changed, broken))
    names = [looks(results.solutions)[s.name].label for s in (changed, broken)]
    assert summary(results).splitlines()[-2:] == [
        f"Not finite: the losses of {names[1]} on the whole training sets.",
        "Skipped updates, whose loss or gradient was not finite: "
        f"3 of {names[0]}, 1,200 of {names[1]}.",
    ]
    header, *rows = table_rows(results)
    column = header.index("skipped")
    assert sorted(row[column] for row in rows if row[column] != "–") == ["1200", "3"]
    assert "skipped" not in table_rows(_results())[0]
    assert "skipped" in [c.title for c in columns(results)]
    assert "skipped" not in [c.title for c in columns(_results())]


def test_the_last_screen_names_what_was_made():
    made = [Path("runs/demo/report.html"), Path("runs/demo/figures/front.png")]
    text = closing(_results(), "runs/demo", made)
    assert f"  {'page':<15} runs/demo/report.html\n" in text
    assert terminal_table(_results()) in text
    for path in ("results.json", "metrics.jsonl", "solutions", "figures/front.png"):
        assert f"runs/demo/{path}\n" in text
    lines = text.split("Summary\n")[1].split("\n\n")[0].splitlines()
    assert len(lines) == 5 and max(map(len, lines)) <= 100


@pytest.mark.parametrize("window", [1.0, 5.0])
def test_the_running_mean_of_a_constant_is_the_constant_whatever_is_missing(window):
    values = np.array([np.nan, 3.0, np.nan, 3.0, 3.0])
    mean = smoothed(values, window)
    assert np.isnan(mean[0])
    np.testing.assert_allclose(mean[1:][np.isfinite(mean[1:])], 3.0, rtol=1e-12)
    assert np.isfinite(mean[[1, 3, 4]]).all()
