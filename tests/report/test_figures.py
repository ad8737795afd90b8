"""Figures of a small made-up run: that they exist, are not blank, and show what they must."""

import dataclasses
import itertools
import json
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
    grid_figure,
    palette,
    read_pictures,
    read_series,
    write_report,
)
from cu_jax.report.pictures import hole, outline, resized
from cu_jax.results import Boundaries, Results, Solution, write_results

_BOUNDS = Boundaries(epsilon_min=0.64, epsilon_max=1.123, epsilon_original=1.678)


def _solution(name, retain_loss, forget_loss, control=None, method="controllable"):
    epsilon = None if control is None else 0.64 + control * (1.123 - 0.64)
    return Solution(
        name=name,
        method=method,
        control=control,
        epsilon=epsilon,
        violation=None if epsilon is None else forget_loss - epsilon,
        retain_loss=retain_loss,
        forget_loss=forget_loss,
        metrics={"retain/psnr": 9.0, "forget/psnr": 5.5, "forget/class_consistency": 0.55},
    )


def _results():
    return Results(
        name="mae_mnist",
        config_hash="3f9a",
        boundaries=_BOUNDS,
        solutions=(
            _solution("original", 0.0, 1.678, method="original"),
            _solution("complete", 0.73, 0.64),
            _solution("utility", 0.024, 1.123),
            _solution("control_0.75", 0.026, 1.02, 0.75),
            _solution("control_0.25", 0.054, 0.792, 0.25),
            _solution("composite_0.1", 0.022, 0.96, method="composite"),
            _solution("composite_0.03", 0.004, 1.36, method="composite"),
        ),
    )


def _arrays(seed=0, size=8, count=6, channels=1):
    rng = np.random.default_rng(seed)
    arrays = {}
    for kind, first in (("retain", 0), ("forget", 5)):
        original = rng.integers(1, 256, (count, size, size, channels), np.uint8)
        corrupted = original.copy()
        corrupted[:, 2:6, 2:6] = 0
        restored = original.copy()
        restored[:, 2:6, 2:6] = 128
        labels = (first + np.arange(count) % 3).astype(np.int32)
        arrays |= {
            f"{kind}_original": original,
            f"{kind}_corrupted": corrupted,
            f"{kind}_restored": restored,
            f"{kind}_label": labels,
        }
    return arrays


@pytest.fixture
def workdir(tmp_path):
    results = _results()
    write_results(tmp_path / "results.json", results)
    lines = [
        {"stage": s.name, "step": step, "retain_loss": 0.1 * step, "forget_loss": 1.7 - 0.1 * step}
        | ({} if s.epsilon is None else {"epsilon": s.epsilon, "violation": 0.1, "cosine": None})
        for s in results.solutions[1:]
        for step in range(5)
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for index, solution in enumerate(results.solutions):
        folder = tmp_path / "solutions" / solution.name
        folder.mkdir(parents=True)
        np.savez(folder / "pictures.npz", **_arrays(index))
    return tmp_path


def test_a_run_gets_three_figures(workdir):
    paths = write_report(workdir)
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


def test_what_is_missing_is_left_out_with_a_warning(tmp_path, caplog):
    write_results(tmp_path / "results.json", _results())
    assert [path.name for path in write_report(tmp_path)] == ["front.png"]
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


def test_the_front_shows_every_solution_and_every_boundary():
    results = _results()
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


def test_labels_of_the_front_do_not_overlap():
    figure = front_figure(_results())
    renderer = figure.canvas.get_renderer()
    for axes in figure.axes:
        boxes = [text.get_window_extent(renderer) for text in axes.texts]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_a_front_without_requests_or_with_undefined_numbers():
    nan = math.nan
    results = Results(
        name="broken",
        config_hash="0",
        boundaries=Boundaries(epsilon_min=nan, epsilon_max=nan, epsilon_original=nan),
        solutions=(
            _solution("original", 0.0, 1.7, method="original"),
            _solution("complete", nan, 1.0),
        ),
    )
    (front,) = front_figure(results).axes
    assert _drawn(front) == {(1.7, 0.0)}
    requested = dataclasses.replace(_results(), boundaries=results.boundaries)
    assert len(front_figure(requested).axes) == 2


def test_every_solution_has_one_look_in_every_figure():
    looks = palette.looks(_results().solutions)
    assert looks["complete"].color == palette.VERMILLION
    assert looks["utility"].color == palette.BLUE
    ends = palette.looks(
        [_solution("control_0", 0.1, 0.7, 0.0), _solution("control_1", 0.1, 1.1, 1.0)]
    )
    assert [look.color for look in ends.values()] == [palette.VERMILLION, palette.BLUE]
    colors = [look.color for name, look in looks.items()]
    assert len(set(colors)) == len(colors)
    curves = curves_figure(_results(), {"complete": _stage(), "control_0.25": _stage()})
    titles = {axes.get_title(loc="center"): axes for axes in curves.axes[:2]}
    assert titles["control\n0.25"].lines[-1].get_color() == looks["control_0.25"].color
    assert titles["complete"].lines[-1].get_color() == palette.VERMILLION


def test_labels_have_the_contrast_of_readable_text():
    for look in palette.looks(_results().solutions).values():
        channels = [int(look.ink[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        # WCAG's own formula, not the power of 2.2 that the code uses.
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = np.dot(linear, [0.2126, 0.7152, 0.0722])
        # The two formulas differ by a few percent.
        assert 1.05 / (luminance + 0.05) >= 4.3, look


def _stage(steps=6):
    values = np.linspace(0.0, 1.0, steps)
    return {"step": np.arange(steps, dtype=float), "retain_loss": values, "forget_loss": 2 - values}


def test_curves_draw_raw_and_smooth_and_the_request():
    stage = _stage() | {"epsilon": np.full(6, 1.2), "violation": 0.8 - _stage()["retain_loss"]}
    axes = curves_figure(
        _results(), {"control_0.25": stage, "pretrain": {"step": np.zeros(1)}}
    ).axes
    assert len(axes) == 5
    forget = axes[1]
    request, raw, mean = forget.lines
    assert set(request.get_ydata()) == {1.2}
    np.testing.assert_array_equal(raw.get_ydata(), stage["forget_loss"])
    assert len(mean.get_ydata()) == 6
    assert [text.get_text() for text in axes[2].texts] == ["not recorded"]
    assert [text.get_text() for text in axes[3].texts] == []


def test_curves_of_nothing_say_what_to_do():
    with pytest.raises(ValueError, match="run a stage that unlearns"):
        curves_figure(_results(), {"pretrain": {"step": np.zeros(1)}})


def test_the_grid_shows_the_pictures_pixel_by_pixel(workdir):
    results = _results()
    pictures = read_pictures(workdir, [s.name for s in results.solutions])
    assert set(pictures) == {s.name for s in results.solutions}
    figure = grid_figure(results, pictures)
    # 2 rows of inputs and 7 of restorations, 6 pictures in each half.
    assert len(figure.images) == (2 + 7) * 2 * 6
    path = palette.save(figure, workdir / "grid.png")
    sheet = np.rint(imread(path)[..., :3] * 255).astype(np.uint8)
    first = figure.images[0]
    top = sheet.shape[0] - int(first.oy) - first.get_array().shape[0]
    # Forget pictures come first, sorted by label; their 8 pixels are 80 (ten each) in the figure.
    original = np.repeat(np.repeat(pictures["original"]["forget_original"][0], 10, 0), 10, 1)
    np.testing.assert_array_equal(
        sheet[top : top + 80, int(first.ox) : int(first.ox) + 80],
        np.broadcast_to(original, (80, 80, 3)),
    )


def test_the_grid_outlines_the_hole_but_not_in_the_original(workdir):
    figure = grid_figure(_results(), {"original": _arrays()})
    path = palette.save(figure, workdir / "grid.png")
    sheet = np.rint(imread(path)[..., :3] * 255).astype(int)
    # Orange, as far as a line of less than two pixels keeps its color.
    orange = np.abs(sheet - [0xE6, 0x9F, 0x00]).max(axis=-1) < 90
    for picture in figure.images:
        row = round((picture.oy - figure.images[-1].oy) / 80)
        top = sheet.shape[0] - int(picture.oy) - 80
        cell = orange[top : top + 80, int(picture.ox) : int(picture.ox) + 80]
        # The hole is 4 × 4 of 8 × 8 pixels, hence 20 to 60 of 80.
        edges = [cell[19:21, 25:55], cell[59:61, 25:55], cell[25:55, 19:21].T, cell[25:55, 59:61].T]
        found = all(edge.any(axis=0).mean() > 0.9 for edge in edges)
        assert found == (row < 2), row


def test_the_grid_orders_rows_by_control():
    results = _results()
    figure = grid_figure(results, {s.name: _arrays() for s in results.solutions})
    labels = palette.looks(results.solutions)
    names = {look.label for look in labels.values()} - {"original"} | {"original model"}
    rows = [t for t in figure.texts if t.get_text() in names]
    rows.sort(key=lambda text: -text.get_position()[1])
    assert [text.get_text() for text in rows] == [
        "original model", "complete", "control 0.25", "control 0.75", "utility",
        "composite α = 0.03", "composite α = 0.1",
    ]  # fmt: skip


def test_the_grid_of_large_color_pictures_fits():
    one = {"original": _arrays(size=200, count=9, channels=3)}
    width, height = grid_figure(_results(), one).get_size_inches()
    assert 8 <= width <= 12.1 and height < 8


def test_the_grid_without_pictures_says_what_to_do():
    with pytest.raises(ValueError, match="pictures.npz"):
        grid_figure(_results(), {})


def test_pictures_without_an_array_are_refused(workdir):
    arrays = _arrays()
    del arrays["forget_label"]
    np.savez(workdir / "solutions" / "utility" / "pictures.npz", **arrays)
    with pytest.raises(ValueError, match="forget_label is missing: evaluate this solution again"):
        read_pictures(workdir, ["utility"])


def test_the_hole_is_found_or_read():
    expected = np.zeros((8, 8), bool)
    expected[2:6, 2:6] = True
    arrays = _arrays()
    np.testing.assert_array_equal(hole(arrays), expected)
    # A picture that is black inside the hole already hides a part of it: the box closes the gap.
    for kind in ("retain", "forget"):
        arrays[f"{kind}_original"][:, 3:5, 3:5] = 0
    np.testing.assert_array_equal(hole(arrays), expected)
    assert not hole(arrays | {"mask": np.zeros((8, 8, 1), np.uint8)}).any()
    for kind in ("retain", "forget"):
        arrays[f"{kind}_corrupted"] = arrays[f"{kind}_original"]
    assert not hole(arrays).any()


def test_the_outline_is_the_border_of_the_hole():
    mask = np.zeros((4, 5), bool)
    mask[1:3, 2:4] = True
    edges = {tuple(map(tuple, edge)) for edge in outline(mask)}
    assert edges == {
        ((2, 1), (3, 1)), ((3, 1), (4, 1)), ((2, 3), (3, 3)), ((3, 3), (4, 3)),
        ((2, 1), (2, 2)), ((2, 2), (2, 3)), ((4, 1), (4, 2)), ((4, 2), (4, 3)),
    }  # fmt: skip
    assert outline(np.zeros((4, 5), bool)).shape == (0, 2, 2)


def test_shrinking_keeps_the_mean_and_constants():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (1, 30, 20, 1), np.uint8)
    small = resized(picture, 7, 9)
    assert small.shape == (1, 7, 9, 3)
    # The mean over areas is exact up to the rounding of each of the 63 pixels.
    assert abs(small.astype(float).mean() - picture.mean()) < 0.5
    assert (resized(np.full((1, 30, 20, 3), 77, np.uint8), 7, 9) == 77).all()


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
    code = (
        "import sys, cu_jax.report, cu_jax.results, cu_jax.logs;"
        "print([m for m in ('jax', 'jaxlib', 'flax', 'tensorflow', 'torch', 'pyplot',"
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
