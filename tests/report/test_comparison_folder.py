"""The files of a comparison: tables read back, figures, the page, and what is missing."""

import base64
import csv
import dataclasses
import hashlib
import json
import os
import re
import statistics

import pytest
from matplotlib.image import imread

from cu_jax.report import comparison_closing, write_comparison
from cu_jax.report.__main__ import main
from cu_jax.report.comparison.columns import heading, of_kind
from cu_jax.report.comparison.page import comparison_page
from cu_jax.report.comparison.runs import read_runs
from cu_jax.report.palette import method_looks
from cu_jax.results import (
    read_results,
    write_comparison_record,
    write_results,
)


@pytest.fixture(scope="module")
def folder(made_up, tmp_path_factory):
    return made_up.write_folder(tmp_path_factory.mktemp("comparison"), count=12, pages=True)


@pytest.fixture(scope="module")
def paths(folder):
    return {path.name: path for path in write_comparison(folder)}


def test_everything_is_made_and_nothing_else(folder, paths):
    assert list(paths) == [
        "comparison.html", "comparison.md", "comparison.tex", "comparison.csv",
        "fronts.png", "control.png", "cost.png", "embedding.png",
    ]  # fmt: skip
    assert sorted(os.listdir(folder / "figures")) == sorted(n for n in paths if ".png" in n)
    assert not [name for name in os.listdir(folder) if name.startswith(".")]
    for name in (n for n in paths if ".png" in n):
        pixels = imread(paths[name])[..., :3]
        assert pixels.shape[1] == 1800
        assert 0.01 < (pixels < 0.95).any(axis=-1).mean() < 0.9


def test_csv_reads_back_to_the_last_digit(folder, paths, made_up):
    with paths["comparison.csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    results = {seed: read_results(folder / f"seed_{seed}") for seed in (0, 1, 2)}
    assert len(rows) == (3 + 2) * len(results[0].solutions)
    found = {(row["solution"], row["seed"]): row for row in rows}
    for seed, one in results.items():
        for solution in one.solutions:
            row = found[solution.name, str(seed)]
            assert float(row["retain_loss"]) == solution.retain_loss
            assert float(row["forget/psnr"]) == solution.metrics["forget/psnr"]
            assert (row["epsilon"] == "") is (solution.epsilon is None)
    row = found["composite_0.18", "mean"]
    values = [one["composite_0.18"].retain_loss for one in results.values()]
    assert (row["method"], row["value"], row["count"]) == ("composite", "0.18", "3")
    assert float(row["retain_loss"]) == statistics.fmean(values)
    row = found["composite_0.18", "deviation"]
    assert float(row["retain_loss"]) == statistics.stdev(values)


def test_latex_has_as_many_cells_in_each_row_and_escapes_all(paths):
    text = paths["comparison.tex"].read_text()
    tabulars = re.findall(r"\\begin\{tabular\}\{(l[r]+)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert len(tabulars) == 6
    for columns, body in tabulars:
        rows = [line for line in body.splitlines() if line != r"\hline"]
        assert len(rows) > 5
        for row in rows:
            assert row.endswith(r" \\")
            plain = re.sub(r"\$[^$]*\$", "", row[:-3])
            assert plain.count("&") + 1 == len(columns)
            assert not re.search(r"(?<!\\)[_%#{}~^]", plain), row
            assert plain.isascii(), row
    assert r"control 0.5 & 0.423 $\pm$ 0.004" in text
    assert "toprule" not in text


def test_markdown_has_the_findings_and_every_table(paths):
    lines = paths["comparison.md"].read_text().splitlines()
    tables = [line for line in lines if line.startswith("### ")]
    assert len(tables) == 6
    assert "**It holds.**" in next(line for line in lines if line.startswith("- **Control.**"))
    heads = [lines[i - 1] for i, line in enumerate(lines) if line.startswith("|---")]
    for head in heads:
        start = lines.index(head)
        rows = [line for line in lines[start : lines.index("", start)]]
        assert len({row.count("|") for row in rows}) == 1


def test_different_networks_never_share_a_column(folder):
    keys = list(read_results(folder / "seed_0").solutions[0].metrics)
    for kind in ("retain", "forget"):
        titles = [head.title for head in of_kind(keys, kind)]
        assert len(set(titles)) == len(titles)
        assert titles[:2] == ["FID digits64 500", "FID inception2048 500"]
    arrows = {key: heading(key).better for key in keys}
    assert arrows["retain/fid_digits64_500"] == arrows["forget/clip_vitb32_500"] == "↓"
    assert arrows["forget/fid_digits64_500"] == arrows["retain/is_inception_500"] == "↑"
    assert "retain/psnr_center12" not in [h.key for h in of_kind(keys, "retain", main=True)]


def test_the_page_loads_nothing_and_links_the_seeds(paths, parse_page):
    text = paths["comparison.html"].read_text(encoding="utf-8")
    page = parse_page(text)
    links = set()
    for tag, attributes, _ in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href"):
            value = attributes.get(name, "#")
            if tag == "a" and value.startswith("seed_"):
                links.add(value)
            elif (tag, value) != ("link", "data:,"):
                assert value.startswith(("#", "data:image/png;base64,"))
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert links == {f"seed_{seed}/report.html" for seed in (0, 1, 2)}
    assert not [word for word in ("url(", "@import", "http:", "https:", "ws:") if word in text]
    (policy,) = [a["content"] for a, _ in page.all("meta") if "http-equiv" in a]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:"
    for tag in ("style", "script"):
        (content,) = [text for name, _, text in page.elements if name == tag]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
    assert len(page.all("img")) == 3 and all(attributes["alt"] for attributes, _ in page.all("img"))


def test_the_page_says_the_claims_and_has_every_entry(folder, paths, parse_page, cells_of):
    page = parse_page(paths["comparison.html"].read_text(encoding="utf-8"))
    verdicts = [t for a, t in page.all("span") if a.get("class", "").startswith("verdict")]
    assert verdicts == ["holds"] * 3
    rows = {row[0][0]: row for row in cells_of(page)}
    assert len(rows) == len(read_results(folder / "seed_0").solutions)
    # f_f of control 0.5: three seeds; sorted by the mean in full.
    values = [read_results(folder / f"seed_{s}")["control_0.5"].forget_loss for s in (0, 1, 2)]
    text, value = rows["control 0.5"][1]
    assert float(value) == statistics.fmean(values)
    assert text == f"{statistics.fmean(values):.3f} ± {statistics.stdev(values):.3f}"
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    layers = [a["data-layer"] for a, _ in page.all("button") if "data-layer" in a]
    assert len(layers) == 11 and set(layers) <= set(ids)
    notes = " ".join(text for _, text in page.all("p", **{"class": "note"}))
    assert "Outside the frame: max loss 1" in notes


def test_every_name_is_escaped(folder, made_up, parse_page):
    evil = "</script><script>alert(1)</script><!-- $x$ \" ' & {{ 7 * 7 }} <img src=x onerror=y>"
    runs = read_runs(folder)
    solutions = tuple(
        dataclasses.replace(s, method=evil) if s.method == "max_loss" else s
        for s in runs.results[0].solutions
    )
    results = {0: dataclasses.replace(runs.results[0], name=evil, solutions=solutions)}
    record = dataclasses.replace(
        runs.comparison, name=evil, config_hash=evil, methods=(evil,), seeds=(0,), searches=()
    )
    changed = dataclasses.replace(runs, comparison=record, results=results, missing=(evil,))
    text = comparison_page(changed, {}, [(0, "")], no_embedding=evil)
    assert text.count("<script") == text.count("</script") == 1
    assert "<!--" not in text and "<img" not in text and " 49 " not in text
    assert parse_page(text).all("h1")[0][1] == " ".join(evil.split())


def test_a_dollar_in_a_name_does_not_stop_the_figures(made_up, tmp_path):
    made_up.write_folder(tmp_path, seeds=(0,), count=3)
    write_comparison_record(tmp_path / "comparison.json", made_up.comparison((0,), "a $x_ b"))
    results = read_results(tmp_path / "seed_0")
    solutions = [
        dataclasses.replace(s, method="a $x_ b") if s.method == "max_loss" else s
        for s in results.solutions
    ]
    changed = dataclasses.replace(results, solutions=tuple(solutions))
    write_results(tmp_path / "seed_0" / "results.json", changed)
    assert len(write_comparison(tmp_path)) == 7


def test_the_last_screen(folder, paths):
    text = comparison_closing(folder, list(paths.values()))
    assert "Findings\n  Retain loss: At the same f_f our f_r is at most " in text
    assert "It holds." in text and "random encoder 1 †" in text
    assert f"  {'page':<9} {paths['comparison.html']}" in text
    assert max(len(line) for line in text.splitlines() if str(folder) not in line) <= 140


def test_the_command_notices_a_comparison(made_up, tmp_path, capsys):
    write_comparison_record(tmp_path / "comparison.json", made_up.comparison((0,)))
    assert main([str(tmp_path)]) == 0
    assert str(tmp_path / "comparison.html") in capsys.readouterr().out.splitlines()
    (tmp_path / "comparison.json").write_text(json.dumps({"format": 1}))
    assert main([str(tmp_path)]) == 2
    assert "Key 'name' is missing" in capsys.readouterr().err


def test_no_two_methods_look_alike(made_up):
    looks = method_looks(["original", "boundaries", *made_up.METHODS]).values()
    assert len({look.color for look in looks}) == len({look.marker for look in looks}) == 11
