"""The page of a run: what is in it, and that it needs nothing else."""

import base64
import dataclasses
import hashlib
import io
import json
import re

import numpy as np
from PIL import Image

from cu_jax.report import write_page
from cu_jax.report.page.sheets import hole_path, make_sheet
from cu_jax.report.pictures import KINDS, resized
from cu_jax.results import write_results


def test_the_page_loads_nothing_and_allows_nothing(workdir, parse_page):
    text = write_page(workdir).read_text(encoding="utf-8")
    page = parse_page(text)
    for tag, attributes, _ in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href"):
            value = attributes.get(name, "#")
            assert value.startswith(("#", "data:image/png;base64,")) or (tag, value) == (
                "link",
                "data:,",
            )
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert not [word for word in ("url(", "@import", "http:", "https:", "ws:") if word in text]
    (policy,) = [
        attributes["content"]
        for attributes, _ in page.all("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:"
    for tag in ("style", "script"):
        (content,) = [text for name, _, text in page.elements if name == tag]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"


def test_references_within_the_page_resolve_and_ids_are_unique(workdir, page_of):
    page = page_of(workdir)
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for _, attributes, _ in page.elements:
        for name in ("for", "aria-labelledby", "aria-describedby", "aria-controls"):
            assert set(attributes.get(name, "").split()) <= set(ids)
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids


def test_every_solution_is_in_the_table_with_all_its_numbers(workdir, results, page_of, cells_of):
    page = page_of(workdir)
    rows = {row[0][0]: row for row in cells_of(page)}
    assert list(rows) == [
        "original", "complete", "control 0.25", "control 0.75", "utility",
        "composite α = 0.03", "composite α = 0.1",
    ]  # fmt: skip
    heads = [text for attributes, text in page.all("button") if "data-kind" in attributes]
    assert all(len(row) == len(heads) for row in rows.values())
    control = dict(zip(heads, rows["control 0.25"], strict=True))
    s = results["control_0.25"]
    assert control["request: ε"] == ("0.7608", repr(s.epsilon))
    assert control["loss: retain fr"] == ("0.05400", repr(s.retain_loss))
    # (0.792 − 0.76075) / (1.678 − 0.64)
    assert control["loss: ε error"][0] == "+3.0 %"
    assert control["forget pictures: class read"] == ("55.0 %", "0.55")
    utility = dict(zip(heads, rows["utility"], strict=True))
    assert utility["request: ε"] == ("–", "")
    # No solution has them, so they are no columns.
    assert not [head for head in heads if "cosine" in head or "FID" in head]


def test_the_slider_goes_from_the_original_to_the_strictest_request(workdir, page_of):
    page = page_of(workdir)
    (slider,) = [attributes for attributes, _ in page.all("input")]
    assert (slider["type"], slider["min"], slider["max"], slider["value"]) == (
        "range",
        "0",
        "2",
        "1",
    )
    stops = sorted(
        (int(attributes["data-stop"]), attributes["data-spoken"], text)
        for attributes, text in page.all("figure")
        if "data-stop" in attributes
    )
    assert [spoken for _, spoken, _ in stops] == [
        "original: forget loss 1.678, retain loss 0.0000, forget class read 55.0 %",
        "control 0.75: forget loss 1.020, retain loss 0.0260, forget class read 55.0 %",
        "control 0.25: forget loss 0.792, retain loss 0.0540, forget class read 55.0 %",
    ]
    assert slider["aria-valuetext"] == stops[1][1]
    assert (
        "forget loss ff 0.792 retain loss fr 0.0540 requested ε 0.761 ε error +3.0 %" in stops[2][2]
    )
    # A figure, a point and a row of each solution belong together.
    for tag, count in (("figure", 7), ("g", 7), ("tr", 7)):
        found = [a["data-solution"] for a, _ in page.all(tag) if "data-solution" in a]
        assert sorted(found) == [str(i) for i in range(count)]


def test_pictures_are_those_of_the_run(workdir, results, page_of):
    images = [attributes for attributes, _ in page_of(workdir).all("img")]
    assert len(images) == 2 * (2 + len(results.solutions))
    assert all(image["alt"] for image in images)
    image = next(i for i in images if i["alt"].startswith("Forget pictures, restored by utility"))
    assert image["alt"].endswith("classes 5, 5, 6, 6, 7, 7")
    decoded = Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2])))
    pixels = np.asarray(decoded)
    assert pixels.shape == (int(image["height"]), int(image["width"]), 2) == (17, 26, 2)
    with np.load(workdir / "solutions" / "utility" / "pictures.npz") as arrays:
        # The first of the three labels in turn: pictures 0 and 3 have the label 5.
        restored = arrays["forget_restored"][3, ..., 0]
    np.testing.assert_array_equal(pixels[:8, 9:17, 0], restored)
    np.testing.assert_array_equal(pixels[:8, 8:10, 1], np.tile([0, 255], (8, 1)))


def test_large_pictures_in_color_are_shrunk(make_arrays):
    arrays = make_arrays(size=200, count=3, channels=3)
    sheet = make_sheet(arrays["retain_original"], "three")
    assert (sheet.height, sheet.width, sheet.sharp) == (96, 3 * 96 + 2 * 7, False)
    mask = np.zeros((200, 200), bool)
    mask[50:100, 50:150] = True
    assert hole_path(mask, 1) == "M24 24H72M24 48H72M24 24V48M72 24V48"


def _photographs(photographs, count, seed):
    files = photographs.jpegs(count, width=224, height=224, seed=seed)
    return np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])


def test_photographs_are_named_and_make_a_small_page(workdir, results, photographs, page_of):
    original = {kind: _photographs(photographs, 10, seed) for seed, kind in enumerate(KINDS)}
    rng = np.random.default_rng(0)
    for s in results.solutions:
        arrays = {}
        for kind, pictures in original.items():
            seen = pictures.copy()
            seen[:, 80:144, 80:144] = 0
            restored = pictures.copy()
            restored[:, 80:144, 80:144] = rng.integers(0, 256, (10, 64, 64, 3))
            names = [f"{kind}ten {i}, a synonym" for i in range(10)]
            arrays |= {f"{kind}_original": pictures, f"{kind}_corrupted": seen}
            arrays |= {f"{kind}_restored": restored, f"{kind}_name": np.array(names)}
            arrays[f"{kind}_label"] = np.arange(10, dtype=np.int32)
        np.savez(workdir / "solutions" / s.name / "pictures.npz", **arrays)
    path = write_page(workdir)
    assert path.stat().st_size < 2e6
    page = page_of(workdir)
    images = [attributes for attributes, _ in page.all("img")]
    assert {image["src"].partition(",")[0] for image in images} == {"data:image/webp;base64"}
    image = next(i for i in images if i["alt"].startswith("Retain pictures, as they are"))
    assert "classes retainten 0, retainten 1, " in image["alt"]
    # Four fifths of a picture are seen, and look as they did.
    sheet = Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2])))
    shown = np.asarray(sheet.convert("RGB"))[:96, :96].astype(float)
    assert np.abs(shown - resized(original["retain"][:1], 96, 96)[0]).mean() < 6
    texts = " ".join(text for _, text in page.all("p"))
    assert "Forget forgetten 0, forgetten 1, forgetten 2, forgetten 3, 6 more" in texts
    assert "compressed with small losses" in texts


def test_digits_keep_their_pixels_and_are_not_named(workdir, page_of):
    texts = " ".join(text for _, text in page_of(workdir).all("p"))
    assert "losses;" not in texts and "Forget Retain" in texts


def test_further_holes_have_names_that_people_read(workdir, results, page_of, cells_of):
    holes = {"": 1, "_center128": 2, "_outpaint12_5": 3, "_random75": 4}
    solutions = []
    for s in results.solutions:
        metrics = {f"forget/psnr{end}": 10.0 + value for end, value in holes.items()}
        metrics |= {f"forget/loss_hole{end}": 0.1 * value for end, value in holes.items()}
        metrics |= {"forget/fid_digits64_500": 3.0, "forget/fid_digits64_500_center128": 4.0}
        metrics |= {"forget/class_consistency_random75": 0.25, "forget/other_center3": 7.0}
        solutions.append(dataclasses.replace(s, metrics=metrics))
    new = dataclasses.replace(results, solutions=tuple(solutions))
    write_results(workdir / "results.json", new)
    page = page_of(workdir)
    heads = [text for attributes, text in page.all("button") if "data-kind" in attributes]
    found = dict(zip(heads, [text for text, _ in cells_of(page)[0]], strict=True))
    own = {k.removeprefix("forget pictures: "): v for k, v in found.items() if "pictures" in k}
    assert own == {
        "PSNR (dB)": "11.00",
        "PSNR (dB), 128 px hole": "12.00",
        "PSNR (dB), 12.5 % frame": "13.00",
        "PSNR (dB), 75 % of patches": "14.00",
        "loss in the hole": "0.1000",
        "loss, 128 px hole": "0.2000",
        "loss, 12.5 % frame": "0.3000",
        "loss, 75 % of patches": "0.4000",
        "FID": "3.0",
        "FID, 128 px hole": "4.0",
        "class read, 75 % of patches": "25.0 %",
        "other_center3": "7",
    }
    # Beside the pictures, which have the main hole, stand its numbers alone.
    beside = {text for _, text in page.all("dt")}
    assert "PSNR (dB)" in beside and "PSNR (dB), 128 px hole" not in beside
    spoken = [a["data-spoken"] for a, _ in page.all("figure") if "data-spoken" in a]
    assert spoken[0].endswith("retain loss 0.0000, forget PSNR (dB) 11.00")


def test_the_front_and_the_curves_are_drawn_and_described(workdir, results, page_of):
    page = page_of(workdir)
    drawings = [attributes for attributes, _ in page.all("svg", role="img")]
    assert len(drawings) == 1 + 6
    assert "control 0.75 1.020 and 0.0260" in page.all("desc")[0][1]
    described = [d["aria-label"] for d in drawings[1:]]
    assert described[2].startswith("control 0.75, 5 updates logged, running means at the end: ")
    assert "(requested 1.002)" in described[2]
    texts = {text for _, text in page.all("text")}
    assert {"original", "complete", "utility", "0.25", "0.75", "α = 0.1", "α = 0.03"} <= texts
    assert {"ε min0.640", "ε max1.123", "ε original1.678"} <= texts
    paths = [
        attributes for attributes, _ in page.all("path") if "curve" in attributes.get("class", "")
    ]
    assert len(paths) == 6 * 2
    assert all(re.fullmatch(r"(M[\d. ]+(L[\d. ]+)+)+", p["d"]) for p in paths)


def test_how_it_was_made(workdir, results, page_of):
    made = dataclasses.replace(
        results, manifest_hash="ec1c", environment={"jax": "0.10.2"}, stages={"complete": 28.64}
    )
    write_results(workdir / "results.json", made)
    config = {"seed": 7, "pareto": {"optimizer": {"learning_rate": 0.001, "clip": None}}}
    (workdir / "config.json").write_text(json.dumps({"hash": "3f9a", "config": config}))
    page = page_of(workdir)
    pairs = [text for _, text in page.all("tr")]
    for pair in (
        "seed 7", "hash of the settings 3f9a", "hash of the manifest ec1c", "jax 0.10.2",
        "complete 28.6", "ε min (complete) 0.6400", "optimizer.learning_rate 0.001",
        "optimizer.clip –",
    ):  # fmt: skip
        assert pair in pairs, pair
    assert not page.all("p", **{"class": "note warning"})
    (workdir / "config.json").write_text(json.dumps({"hash": "other", "config": config}))
    ((_, warning),) = page_of(workdir).all("p", **{"class": "note warning"})
    assert "another run's" in warning
