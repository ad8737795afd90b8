"""The grid of pictures: what is shown where, pixel by pixel."""

import dataclasses

import numpy as np
import pytest
from matplotlib.image import imread

from cu_jax.report import grid_figure, palette, read_pictures
from cu_jax.report.pictures import hole, outline, resized


def test_the_grid_shows_the_pictures_pixel_by_pixel(workdir, results):
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


def test_the_grid_outlines_the_hole_but_not_in_the_original(workdir, results, make_arrays):
    figure = grid_figure(results, {"original": make_arrays()})
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


def test_the_grid_orders_rows_by_control(results, make_arrays):
    figure = grid_figure(results, {s.name: make_arrays() for s in results.solutions})
    labels = palette.looks(results.solutions)
    names = {look.label for look in labels.values()} - {"original"} | {"original model"}
    rows = [t for t in figure.texts if t.get_text() in names]
    rows.sort(key=lambda text: -text.get_position()[1])
    assert [text.get_text() for text in rows] == [
        "original model", "complete", "control 0.25", "control 0.75", "utility",
        "composite α = 0.03", "composite α = 0.1",
    ]  # fmt: skip


def test_the_grid_of_large_color_pictures_fits(results, make_arrays):
    one = {"original": make_arrays(size=200, count=9, channels=3)}
    width, height = grid_figure(results, one).get_size_inches()
    assert 8 <= width <= 12.1 and height < 8


def test_the_grid_names_the_classes_that_it_shows(results, make_arrays):
    arrays = make_arrays(size=200, count=6, channels=3)
    texts = {text.get_text() for text in grid_figure(results, {"original": arrays}).texts}
    assert {"labels 5, 6, 7", "labels 0, 1, 2"} <= texts
    for kind, first in (("forget", 5), ("retain", 0)):
        names = np.array(["tench, Tinca tinca", "cock", "hen"])
        arrays[f"{kind}_name"] = names[arrays[f"{kind}_label"] - first]
    texts = {text.get_text() for text in grid_figure(results, {"original": arrays}).texts}
    assert "shown: tench, cock, hen" in texts


def test_long_lists_of_names_are_cut(results, make_arrays):
    arrays = make_arrays(size=200, count=6, channels=3)
    arrays["forget_label"] = np.arange(6, dtype=np.int32)
    arrays["forget_name"] = np.array([f"a rather long name {i}" for i in range(6)])
    texts = [text.get_text() for text in grid_figure(results, {"original": arrays}).texts]
    assert "shown: a rather long name 0, a rather long name 1, 2 more" in texts


def test_the_grid_speaks_of_classes_only_where_they_were_read(results, make_arrays):
    def texts(results):
        found = grid_figure(results, {"original": make_arrays()}).texts
        return " ".join(text.get_text() for text in found)

    assert "Class read" in texts(results) and "class read" in texts(results)
    bare = [
        dataclasses.replace(s, metrics={"retain/psnr": 9.0, "forget/psnr": 5.5})
        for s in results.solutions
    ]
    without = texts(dataclasses.replace(results, solutions=tuple(bare)))
    assert "lass read" not in without and "classifier" not in without
    assert "PSNR: mean over all validation pictures" in without


def test_the_grid_without_pictures_says_what_to_do(results):
    with pytest.raises(ValueError, match="pictures.npz"):
        grid_figure(results, {})


def test_pictures_without_an_array_are_refused(workdir, make_arrays):
    arrays = make_arrays()
    del arrays["forget_label"]
    np.savez(workdir / "solutions" / "utility" / "pictures.npz", **arrays)
    with pytest.raises(ValueError, match="forget_label is missing: evaluate this solution again"):
        read_pictures(workdir, ["utility"])


def test_the_hole_is_found_or_read(make_arrays):
    expected = np.zeros((8, 8), bool)
    expected[2:6, 2:6] = True
    arrays = make_arrays()
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
