"""A comparison's folder where something is missing, and its parts: the map, the audits."""

import dataclasses
import sys

import numpy as np
import pytest

from cu_jax.report import comparison_closing, write_comparison
from cu_jax.report.comparison.embedding import places, read_embedding
from cu_jax.results import (
    Audit,
    Audits,
    read_results,
    write_audits,
    write_comparison_record,
    write_results,
)


def test_unfinished_seeds_and_methods_are_said(made_up, tmp_path, parse_page):
    made_up.write_folder(tmp_path, finished=(1,), count=3)
    results = read_results(tmp_path / "seed_1")
    kept = tuple(s for s in results.solutions if s.method not in ("retrain", "composite"))
    write_results(
        tmp_path / "seed_1" / "results.json", dataclasses.replace(results, solutions=kept)
    )
    paths = {path.name: path for path in write_comparison(tmp_path)}
    # 18 pictures are too few for a t-SNE, and the page says why it has none.
    assert "embedding.png" not in paths and "fronts.png" in paths
    page = parse_page(paths["comparison.html"].read_text())
    said = " ".join(text for _, text in page.all("dd"))
    assert "Seed 0 has no results yet." in said and "Seed 2 has no results yet." in said
    assert "Seed 1 has no solution of composite yet." in said
    assert "Not known: no point of ours lies within" in said
    notes = " ".join(text for _, text in page.all("p", **{"class": "note"}))
    assert "more than 40 pictures" in notes and "One seed: no deviation." in notes
    assert "Seed 0 (no page yet)" in " ".join(text for _, text in page.all("li"))
    assert "±" not in " ".join(text for _, text in page.all("td"))


def test_no_seed_at_all(made_up, tmp_path, parse_page):
    write_comparison_record(tmp_path / "comparison.json", made_up.comparison())
    paths = {path.name: path for path in write_comparison(tmp_path)}
    assert set(paths) == {
        "comparison.html", "comparison.md", "comparison.tex", "comparison.csv", "cost.png",
    }  # fmt: skip
    assert "No seed has results yet." in paths["comparison.html"].read_text()
    assert "Seed 0 has no results yet." in comparison_closing(tmp_path, [])


def test_without_scikit_learn_a_sentence_stands_in_its_place(
    made_up, tmp_path, monkeypatch, parse_page
):
    made_up.write_folder(tmp_path, seeds=(0,), count=12)
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    paths = {path.name: path for path in write_comparison(tmp_path)}
    assert "embedding.png" not in paths
    page = parse_page(paths["comparison.html"].read_text())
    assert 'pip install "cu-jax[compare]"' in " ".join(text for _, text in page.all("p"))


def test_the_map_tells_what_was_forgotten(made_up, tmp_path):
    made_up.write_folder(tmp_path, seeds=(3,), count=30)
    embedding = read_embedding(tmp_path, (0, 3), "control_0.5", "control 0.5")
    assert (embedding.network, embedding.seed) == ("clip_vitb32", 3)
    where = places(embedding)

    def moved(kind, which):
        steps = where[f"{kind}_{which}"] - where[f"{kind}_original"]
        return np.median(np.linalg.norm(steps, axis=1))

    # What was forgotten goes to another place; all else stays with its picture.
    assert moved("forget", "after") > 3 * max(moved("retain", "after"), moved("forget", "before"))


def test_embeddings_of_two_networks_are_refused(made_up, tmp_path):
    made_up.write_folder(tmp_path, seeds=(0,), count=12)
    path = tmp_path / "seed_0" / "solutions" / "original" / "embeddings.npz"
    arrays = made_up.embeddings(0, 0.1, 12) | {"network": np.array("inception2048")}
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="must be of one network, got 'inception2048'"):
        write_comparison(tmp_path)
    path.write_text("no arrays")
    with pytest.raises(ValueError, match="must hold NumPy arrays called network"):
        write_comparison(tmp_path)


def test_audits_of_a_seed_stand_in_page_and_tables(made_up, tmp_path, parse_page):
    made_up.write_folder(tmp_path, finished=(0,), count=3)
    names = ("original", "retrain", "control_0.5")
    audits = tuple(
        Audit(name=name, forget_psnr=9.0 - index, relearning_updates=7 * index, probe_forget=0.5)
        for index, name in enumerate(names)
    )
    record = Audits(config_hash="c0", manifest_hash="m0", seed=0, audits=audits)
    write_audits(tmp_path / "seed_0" / "audits.json", record)
    paths = {path.name: path for path in write_comparison(tmp_path)}
    page = parse_page(paths["comparison.html"].read_text())
    assert page.all("section", id="audits")
    text = paths["comparison.md"].read_text()
    assert "Audits of seed 0" in text and "| control 0.5 | 7.0 | > 14 |" in text
    assert "> 14" in comparison_closing(tmp_path, [])
