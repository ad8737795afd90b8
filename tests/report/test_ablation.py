"""Ablations from made-up runs: the record, the table, the numbers, and what each figure shows."""

import csv
import dataclasses
import io
import math

import numpy as np
import pytest
from matplotlib.image import imread

from cu_jax.report import ablation_closing, write_ablation
from cu_jax.report.__main__ import main
from cu_jax.report.ablation.selection import of_hole, solution_names
from cu_jax.report.ablation.tables import csv_text, table_cells
from cu_jax.report.ablation.workdir import ablation_figure
from cu_jax.results import (
    COSTS,
    ENTRIES,
    RUNS,
    Ablation,
    AblationRun,
    UpdateCost,
    read_ablation,
    write_ablation_record,
)

HOLES = ("center12", "center4", "outpaint50")


def record(name, setting, kind, values, runs=(), costs=()):
    return Ablation(
        name=name, setting=setting, kind=kind, config_hash="c0", values=values, runs=runs,
        costs=costs,
    )  # fmt: skip


def changed(results, factor):
    """The same run with other controls, that took another time."""
    solutions = tuple(
        dataclasses.replace(
            s,
            seconds=factor,
            retain_loss=s.retain_loss * (factor if s.epsilon else 1),
            forget_loss=s.forget_loss + (0.1 / factor if s.epsilon else 0),
        )
        for s in results.solutions
    )
    return dataclasses.replace(results, solutions=solutions)


@pytest.fixture
def sweep(results):
    values = ("0.3", "1", "5")
    runs = tuple(
        AblationRun(value=value, folder=value, results=changed(results, float(value)))
        for value in values
    )
    return record("beta", "pareto.beta", RUNS, values, runs)


@pytest.fixture
def holes(results):
    solutions = tuple(
        dataclasses.replace(
            s,
            metrics={
                f"{kind}/{key}{end}": number + 10 * place
                for kind in ("retain", "forget")
                for key, number in (("psnr", index + 1.0), ("class_consistency", 0.5))
                for place, end in enumerate(("", "_center4", "_outpaint50"))
            },
        )
        for index, s in enumerate(results.solutions)
    )
    run = AblationRun(
        value="+".join(HOLES),
        folder="run",
        results=dataclasses.replace(results, solutions=solutions),
    )
    return record("hole", "evaluation.holes", ENTRIES, HOLES, (run,))


@pytest.fixture
def requests(results):
    run = AblationRun(value="0.25+0.75", folder="run", results=results)
    return record("epsilon", "controls", ENTRIES, ("0.25", "0.75"), (run,))


@pytest.fixture
def costs():
    found = tuple(
        UpdateCost(value=value, method=method, seconds=seconds * int(value), memory=m, updates=10)
        for value in ("8", "16")
        for method, seconds, m in (("controllable", 0.013, math.nan), ("composite", 0.01, 2e6))
    )
    return record("cost", "batch_size", COSTS, ("8", "16"), costs=found)


def rows_of(ablation):
    return list(csv.DictReader(io.StringIO(csv_text(ablation))))


def dots(axes, joined=True):
    """Positions of what is drawn, as far as it is more than one point or not."""
    return [
        [(float(x), float(y)) for x, y in zip(*line.get_data(), strict=True)]
        for line in axes.lines
        if (len(line.get_xdata()) > 1) == joined
    ]


def test_the_record_is_read_as_it_was_written(tmp_path, sweep, holes, costs):
    for ablation in (sweep, holes, costs):
        path = write_ablation_record(tmp_path / "ablation.json", ablation)
        assert repr(read_ablation(tmp_path)) == repr(ablation)  # NaN is not NaN
    path.write_text(path.read_text().replace('"costs",', '"cost",'))
    with pytest.raises(ValueError, match="Key 'kind' must be runs, entries or costs, got 'cost'"):
        read_ablation(path)
    path.write_text('{"format": 2}')
    with pytest.raises(ValueError, match="Key 'format' must be 1, got 2"):
        read_ablation(path)


def test_a_solution_is_unchanged_if_its_numbers_are_whatever_time_it_took(sweep):
    moved, same = solution_names(sweep)
    assert moved == ["control_0.25", "control_0.75"]
    assert same == ["original", "complete", "utility", "composite_0.03", "composite_0.1"]
    # One that a run lacks was changed.
    run = sweep.runs[0]
    fewer = dataclasses.replace(run.results, solutions=run.results.solutions[:-1])
    lacking = dataclasses.replace(run, results=fewer)
    less = dataclasses.replace(sweep, runs=(lacking, *sweep.runs[1:]))
    assert solution_names(less)[0][-1] == run.results.solutions[-1].name


def test_the_table_says_what_did_not_change_once(sweep):
    header, *rows = table_cells(sweep)
    assert header[:3] == ["beta", "solution", "requested ε"]
    assert [row[0] for row in rows] == 5 * ["all"] + 2 * ["0.3"] + 2 * ["1"] + 2 * ["5"]
    assert all(len(row) == len(header) for row in rows)
    losses = {(row[0], row[1]): row[header.index("f_r")] for row in rows}
    assert losses["5", "control 0.25"] == "0.2700" and losses["all", "original"] == "0"
    text = ablation_closing(sweep, [])
    assert "composite α = 0.03" in text and text.splitlines()[-1] == "Made"


def test_the_csv_has_every_number_in_full(sweep):
    rows = rows_of(sweep)
    assert len(rows) == 3 * 7
    for row in rows:
        run = next(run for run in sweep.runs if run.value == row["value"])
        solution = run.results[row["solution"]]
        assert float(row["retain_loss"]) == solution.retain_loss
        assert float(row["forget/psnr"]) == solution.metrics["forget/psnr"]
        bounds = run.results.boundaries
        assert float(row["epsilon_min"]) == bounds.epsilon_min
        if solution.epsilon is None:
            assert row["control_error"] == row["control"] == ""
        else:
            error = (solution.forget_loss - solution.epsilon) / bounds.span
            assert float(row["control_error"]) == error


def test_a_sweep_shows_what_changed_in_color_and_the_rest_in_gray(sweep):
    front, errors, retain = ablation_figure(sweep).axes
    gray = {point for line in dots(front, joined=False) for point in line}
    bounds = sweep.runs[0].results
    assert gray == {
        (bounds[name].forget_loss, bounds[name].retain_loss) for name in solution_names(sweep)[1]
    }
    for run in sweep.runs:
        points = sorted(
            (run.results[name].forget_loss, run.results[name].retain_loss)
            for name in ("control_0.25", "control_0.75")
        )
        assert points in dots(front)
    for name, drawn in zip(("control_0.25", "control_0.75"), dots(retain), strict=True):
        assert [y for _, y in drawn] == [run.results[name].retain_loss for run in sweep.runs]
    spans = [run.results.boundaries.span for run in sweep.runs]
    first = [run.results["control_0.25"] for run in sweep.runs]
    wanted = [
        100 * (s.forget_loss - s.epsilon) / span for s, span in zip(first, spans, strict=True)
    ]
    lines = [[y for _, y in line] for line in dots(errors)]
    assert any(line == pytest.approx(wanted) for line in lines)


def test_boundaries_that_moved_are_shown_by_their_forget_loss(sweep, results):
    def moved(run):
        factor = float(run.value)
        other = tuple(
            dataclasses.replace(s, forget_loss=s.forget_loss * factor)
            if s.name == "complete"
            else s
            for s in run.results.solutions
        )
        return dataclasses.replace(run, results=dataclasses.replace(run.results, solutions=other))

    alpha = dataclasses.replace(
        sweep, name="alpha", setting="boundary.alpha", runs=tuple(map(moved, sweep.runs))
    )
    figure = ablation_figure(alpha)
    assert figure.texts[0].get_text() == "α: what it changes"
    upper = figure.axes[1]
    assert upper.get_title(loc="left").startswith("Forget loss")
    wanted = [results["complete"].forget_loss * float(run.value) for run in sweep.runs]
    assert [y for _, y in dots(upper)[0]] == pytest.approx(wanted)


def test_each_hole_has_its_own_measures(holes):
    metrics = holes.runs[0].results["complete"].metrics
    assert of_hole(metrics, HOLES, "center12")["retain/psnr"] == 2.0
    assert of_hole(metrics, HOLES, "outpaint50")["retain/psnr"] == 22.0
    assert len(of_hole(metrics, HOLES, "center12")) == 4
    rows = rows_of(holes)
    assert len(rows) == 3 * 7
    seen = {(row["value"], row["solution"]): float(row["retain/psnr"]) for row in rows}
    assert seen["center4", "complete"] == 12.0 and seen["center12", "original"] == 1.0
    header, *cells = table_cells(holes)
    assert header == ["hole", "solution", "retain dB", "retain class", "forget dB", "forget class"]
    assert cells[7][:3] == ["center 4 px", "original", "11.0"]


def test_the_figure_of_holes_has_a_line_a_solution(holes):
    retain, forget, *classes = ablation_figure(holes).axes
    assert len(classes) == 2
    assert [y for _, y in dots(retain)[0]] == [1.0, 11.0, 21.0]  # the original's
    assert len(dots(forget)) == 7
    assert [text.get_text() for text in classes[0].get_xticklabels()][1] == "center\n4 px"


def test_the_figure_of_requests_shows_each(requests):
    control, retain, measure = ablation_figure(requests).axes
    path = [requests.runs[0].results[name] for name in ("control_0.25", "control_0.75")]
    shown = {point for line in dots(control, joined=False) for point in line}
    assert shown == {(s.epsilon, s.forget_loss) for s in path}
    assert dots(retain)[0] == [(s.control, s.retain_loss) for s in path]
    # The classifier's reading comes first, in percent.
    assert [y for _, y in dots(measure)[-2]] == pytest.approx([55, 55])
    values = [row["value"] for row in rows_of(requests)]
    assert values.count("0.25") == 1 and values.count("") == 5


def test_costs_are_compared_value_by_value(costs):
    header, first, _ = table_cells(costs)
    assert header[0] == "batch size"
    assert first == ["8", "104.0", "80.0", "1.30", "–", "1.9", "–"]
    seconds, memory = ablation_figure(costs).axes
    assert [text.get_text() for text in seconds.texts] == ["1.30 ×", "1.30 ×"]
    assert not memory.texts  # The compiler did not say.
    rows = rows_of(costs)
    assert [row["memory"] for row in rows] == ["", "2000000.0", "", "2000000.0"]


@pytest.mark.parametrize("kind", ["sweep", "holes", "requests", "costs"])
def test_the_folder_gets_numbers_and_a_figure(kind, request, tmp_path):
    ablation = request.getfixturevalue(kind)
    write_ablation_record(tmp_path / "ablation.json", ablation)
    table, figure = write_ablation(tmp_path)
    assert table.read_text() == csv_text(ablation)
    assert figure == tmp_path / "figures" / f"{ablation.name}.png"
    pixels = imread(figure)[..., :3]
    assert 0.01 < (pixels < 0.95).any(axis=-1).mean() < 0.9
    assert len(np.unique(np.rint(pixels * 255) @ [65536, 256, 1])) > 20


def test_the_report_command_makes_them_again(sweep, tmp_path, capsys):
    write_ablation_record(tmp_path / "ablation.json", sweep)
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("figures/beta.png")
    (tmp_path / "ablation.json").write_text("{")
    assert main([str(tmp_path)]) == 2
    assert "must hold JSON" in capsys.readouterr().err
