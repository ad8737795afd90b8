"""Figures of a small made-up run: that they exist, are not blank, and show what they must."""

import dataclasses
import itertools
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

from cu_jax.report import (
    curves_figure,
    front_figure,
    palette,
    read_series,
    write_report,
)
from cu_jax.results import Boundaries, Results, write_results


def test_a_run_gets_a_page_and_three_figures(workdir):
    page, *paths = write_report(workdir)
    assert page == workdir / "report.html"
    assert [path.relative_to(workdir).as_posix() for path in paths] == [
        "figures/front.png",
        "figures/curves.png",
        "figures/grid.png",
    ]
    for path in paths:
        pixels = imread(path)[..., :3]
        assert pixels.shape[1] >= 1200 and pixels.shape[0] >= 400
        # Neither blank nor a single block: ink on white, and more than two colors of it.
        assert 0.01 < (pixels < 0.95).any(axis=-1).mean() < 0.9
        assert len(np.unique(np.rint(pixels * 255) @ [65536, 256, 1])) > 20
    assert sorted(os.listdir(workdir / "figures")) == ["curves.png", "front.png", "grid.png"]


def test_what_is_missing_is_left_out_with_a_warning(tmp_path, caplog, results):
    write_results(tmp_path / "results.json", results)
    assert [path.name for path in write_report(tmp_path)] == ["report.html", "front.png"]
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "No curves.png",
        "No grid.png",
    ]


def test_no_results_at_all(tmp_path):
    with pytest.raises(FileNotFoundError, match="results.json"):
        write_report(tmp_path)


def test_a_failed_save_keeps_the_old_figure(tmp_path, monkeypatch):
    path = palette.save(palette.new_figure(1.0, 1.0), tmp_path / "front.png")
    before = path.read_bytes()

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        palette.save(palette.new_figure(2.0, 1.0), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["front.png"]


def _drawn(axes):
    """Positions of all single points of the axes."""
    lines = [line for line in axes.lines if len(line.get_xdata()) == 1]
    return {(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines}


def test_the_front_shows_every_solution_and_every_boundary(results):
    front, control = front_figure(results).axes
    assert _drawn(front) == {(s.forget_loss, s.retain_loss) for s in results.solutions}
    texts = {text.get_text() for text in front.texts}
    # All labels found a place, and the original at f_r = 0 has its own on a logarithmic axis.
    assert {"original", "complete", "utility", "0.25", "0.75", "α = 0.1", "α = 0.03"} <= texts
    assert sum("\\epsilon" in text for text in texts) == 3
    assert front.get_ylim()[0] <= 0 < front.transData.transform((1.0, 0.004))[1]
    verticals = {
        line.get_xdata()[0]
        for line in front.lines
        if len(line.get_xdata()) == 2 and line.get_xdata()[0] == line.get_xdata()[1]
    }
    assert {0.64, 1.123, 1.678} <= verticals
    path = next(line for line in front.lines if list(line.get_xdata()) == [0.792, 1.02])
    assert list(path.get_ydata()) == [0.054, 0.026]
    requested = {(s.epsilon, s.forget_loss) for s in results.solutions if s.epsilon is not None}
    assert _drawn(control) == requested
    # (0.792 − 0.76075) / (1.678 − 0.64)
    assert "0.25  (+3.0 %)" in {text.get_text() for text in control.texts}


def test_labels_of_the_front_do_not_overlap(results):
    figure = front_figure(results)
    renderer = figure.canvas.get_renderer()
    for axes in figure.axes:
        boxes = [text.get_window_extent(renderer) for text in axes.texts]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_a_front_without_requests_or_with_undefined_numbers(results, make_solution):
    nan = math.nan
    broken = Results(
        name="broken",
        config_hash="0",
        boundaries=Boundaries(epsilon_min=nan, epsilon_max=nan, epsilon_original=nan),
        solutions=(
            make_solution("original", 0.0, 1.7, method="original"),
            make_solution("complete", nan, 1.0),
        ),
    )
    (front,) = front_figure(broken).axes
    assert _drawn(front) == {(1.7, 0.0)}
    requested = dataclasses.replace(results, boundaries=broken.boundaries)
    assert len(front_figure(requested).axes) == 2


def test_every_solution_has_one_look_in_every_figure(results, make_solution):
    looks = palette.looks(results.solutions)
    assert looks["complete"].color == palette.VERMILLION
    assert looks["utility"].color == palette.BLUE
    ends = palette.looks(
        [make_solution("control_0", 0.1, 0.7, 0.0), make_solution("control_1", 0.1, 1.1, 1.0)]
    )
    assert [look.color for look in ends.values()] == [palette.VERMILLION, palette.BLUE]
    colors = [look.color for name, look in looks.items()]
    assert len(set(colors)) == len(colors)
    curves = curves_figure(results, {"complete": _stage(), "control_0.25": _stage()})
    titles = {axes.get_title(loc="center"): axes for axes in curves.axes[:2]}
    assert titles["control\n0.25"].lines[-1].get_color() == looks["control_0.25"].color
    assert titles["complete"].lines[-1].get_color() == palette.VERMILLION


def test_labels_have_the_contrast_of_readable_text(results):
    for look in palette.looks(results.solutions).values():
        channels = [int(look.ink[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        # WCAG's own formula, not the power of 2.2 that the code uses.
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = np.dot(linear, [0.2126, 0.7152, 0.0722])
        # The two formulas differ by a few percent.
        assert 1.05 / (luminance + 0.05) >= 4.3, look


def _stage(steps=6):
    values = np.linspace(0.0, 1.0, steps)
    return {"step": np.arange(steps, dtype=float), "retain_loss": values, "forget_loss": 2 - values}


def test_curves_draw_raw_and_smooth_and_the_request(results):
    stage = _stage() | {"epsilon": np.full(6, 1.2), "violation": 0.8 - _stage()["retain_loss"]}
    axes = curves_figure(results, {"control_0.25": stage, "pretrain": {"step": np.zeros(1)}}).axes
    assert len(axes) == 5
    forget = axes[1]
    request, raw, mean = forget.lines
    assert set(request.get_ydata()) == {1.2}
    np.testing.assert_array_equal(raw.get_ydata(), stage["forget_loss"])
    assert len(mean.get_ydata()) == 6
    assert [text.get_text() for text in axes[2].texts] == ["not recorded"]
    assert [text.get_text() for text in axes[3].texts] == []


def test_curves_of_nothing_say_what_to_do(results):
    with pytest.raises(ValueError, match="run a stage that unlearns"):
        curves_figure(results, {"pretrain": {"step": np.zeros(1)}})


def test_series_hold_the_later_line_and_skip_torn_ones(tmp_path):
    (tmp_path / "metrics.jsonl").write_text(
        '{"stage": "utility", "step": 1, "cosine": 0.5}\n'
        '{"stage": "utility", "step": 0, "cosine": null, "multiplier": 2}\n'
        '{"stage": "utility", "st\n'
        '{"stage": "utility", "step": 1, "cosine": 0.25}\n'
        "[1, 2]\n"
    )
    series = read_series(tmp_path / "metrics.jsonl")
    assert list(series) == ["utility"]
    np.testing.assert_array_equal(series["utility"]["step"], [0, 1])
    np.testing.assert_array_equal(series["utility"]["cosine"], [np.nan, 0.25])
    np.testing.assert_array_equal(series["utility"]["multiplier"], [2, np.nan])
    assert read_series(tmp_path / "none.jsonl") == {}


def test_report_and_results_import_no_jax():
    # PyTorch is not in the list: tensorboardX imports it where it is installed.
    code = (
        "import sys, cu_jax.report, cu_jax.results, cu_jax.logs;"
        "print([m for m in ('jax', 'jaxlib', 'flax', 'tensorflow', 'pyplot',"
        " 'matplotlib.pyplot') if m in sys.modules])"
    )
    # cu_jax itself exports the transform; its own import of jax is not the report's.
    lone = f"import sys, types; p = types.ModuleType('cu_jax'); p.__path__ = {_package()!r}; "
    lone += f"sys.modules['cu_jax'] = p; {code}"
    out = subprocess.run([sys.executable, "-c", lone], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def _package():
    import cu_jax

    return list(cu_jax.__path__)
