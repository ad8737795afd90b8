"""A made-up comparison of methods over seeds, of about the size of the README's numbers."""

import math

import numpy as np

from cu_jax.results import (
    Boundaries,
    Comparison,
    Probe,
    Results,
    Search,
    Solution,
    write_comparison_record,
    write_results,
)

BOUNDS = Boundaries(epsilon_min=0.14, epsilon_max=0.705, epsilon_original=0.928)
CONTROLS = (0.0, 0.25, 0.5, 0.75, 1.0)
METHODS = (
    "controllable", "composite", "composite_proxy", "max_loss", "noisy_label", "retain_label",
    "random_encoder", "primal_dual", "retrain",
)  # fmt: skip
# Method to its knobs and the f_f that each ends with.
KNOBS = {
    "composite": {0.03: 0.74, 0.07: 0.596, 0.18: 0.397, 0.45: 0.277, 1.1: 0.19},
    "composite_proxy": {0.03: 0.75, 0.07: 0.62, 0.18: 0.43, 0.45: 0.31, 1.1: 0.2},
    "max_loss": {0.1: 0.88, 0.3: 0.97, 1: 1.9},
    "noisy_label": {0.1: 0.7, 0.3: 0.5, 1: 0.3},
    "retain_label": {0.1: 0.9, 0.3: 0.85, 1: 0.82},
    "random_encoder": {0.1: 0.75, 0.3: 0.6, 1: 0.45},
}
TIMES_WORSE = {
    "controllable": 0.9, "composite": 1.0, "composite_proxy": 1.6, "max_loss": 9.0,
    "noisy_label": 2.5, "retain_label": 4.0, "random_encoder": 3.0, "primal_dual": 1.1,
}  # fmt: skip


def front(forget_loss):
    """The retain loss of the composite loss in the README, log f_r linear in f_f."""
    f = [0.1, 0.148, 0.277, 0.397, 0.596, 0.710, 0.928]
    r = [0.7, 0.39, 0.0599, 0.0293, 0.0103, 0.0048, 0.0005]
    return float(np.exp(np.interp(forget_loss, f, np.log(r))))


def solution(name, method, retain_loss, forget_loss, control=None, **more):
    """A solution whose measures follow from its losses."""
    epsilon = None
    if control is not None:
        epsilon = BOUNDS.epsilon_min + control * (BOUNDS.epsilon_max - BOUNDS.epsilon_min)
    kept, known = math.exp(-3 * retain_loss), min(forget_loss, BOUNDS.epsilon_original) / 0.928
    metrics = {
        "retain/psnr": 6.5 + 3.4 * kept,
        "forget/psnr": 6.0 + 3.4 * known,
        "retain/class_consistency": 0.4 + 0.5 * kept,
        "forget/class_consistency": 0.3 + 0.56 * known,
        "retain/fid_digits64_500": 170 - 150 * kept,
        "forget/fid_digits64_500": 230 - 200 * known,
        "retain/fid_inception2048_500": 90 - 80 * kept,
        "forget/fid_inception2048_500": 120 - 100 * known,
        "retain/is_inception_500": 1 + kept,
        "forget/is_inception_500": 1 + known,
        "retain/clip_vitb32_500": 0.6 + 0.3 * kept,
        "forget/clip_vitb32_500": 0.6 + 0.3 * known,
        "retain/psnr_center12": 6.0 + 3.0 * kept,
        "forget/psnr_center12": 6.0 + 3.0 * known,
    }
    return Solution(
        name=name, method=method, control=control, epsilon=epsilon, retain_loss=retain_loss,
        forget_loss=forget_loss, violation=None if epsilon is None else forget_loss - epsilon,
        feasible=None if epsilon is None else forget_loss - epsilon < 0.02 * BOUNDS.span,
        stationarity=0.2, steps=700, steps_from_original=1100, seconds=40.0,
        metrics=metrics, **more,
    )  # fmt: skip


def seed_results(seed, name="mae_mnist"):
    """One seed's results: all methods."""
    rng = np.random.default_rng(seed)

    def noisy(value, share):
        return value * float(np.exp(share * rng.normal()))

    found = [
        solution("original", "original", 0.0, 0.928),
        solution("complete", "controllable", noisy(0.76, 0.05), 0.14),
        solution("utility", "controllable", noisy(0.008, 0.05), 0.705),
    ]
    for control in CONTROLS:
        epsilon = 0.14 + control * 0.565
        for method, spread in (("controllable", 0.006), ("primal_dual", 0.05)):
            f = epsilon + 0.788 * spread * float(rng.normal())
            start = {"controllable": "control"}.get(method, method)
            r = noisy(TIMES_WORSE[method] * front(f), 0.03)
            found.append(solution(f"{start}_{control:g}", method, r, f, control))
    for method, knobs in KNOBS.items():
        for value, f in knobs.items():
            f = noisy(f, 0.02)
            r = noisy(TIMES_WORSE[method] * front(f), 0.05)
            found.append(solution(f"{method}_{value:g}", method, r, f))
    found.append(solution("retrain", "retrain", noisy(0.3, 0.1), noisy(0.5, 0.05)))
    return Results(
        name=name, config_hash=f"c{seed}", boundaries=BOUNDS, solutions=tuple(found),
        environment={"jax": "0.10.2", "devices": "2 x cpu"}, stages={"complete": 17.0},
    )  # fmt: skip


def searches(seeds):
    """Ours with one try a control; the composite loss's with a few."""
    rng = np.random.default_rng(7)
    found = []
    for seed in seeds:
        for control in (0.25, 0.5, 0.75):
            epsilon = 0.14 + control * 0.565
            for method, tries in (("controllable", 1), ("composite", int(rng.integers(3, 7)))):
                errors = [0.3 * 0.5**i for i in range(tries - 1)] + [0.006]
                probes = tuple(
                    Probe(
                        value=0.1 * (i + 1), updates=700, seconds=40.0 + i,
                        forget_loss=epsilon + 0.788 * error * (-1) ** i,
                    )
                    for i, error in enumerate(errors)
                )  # fmt: skip
                found.append(
                    Search(
                        seed=seed, method=method, control=control, epsilon=epsilon, tolerance=0.02,
                        span=BOUNDS.span, probes=probes, reached=True,
                    )
                )  # fmt: skip
    return tuple(found)


def comparison(seeds=(0, 1, 2), name="mae_mnist"):
    """The record."""
    return Comparison(
        name=name, config_hash="3f9a", seeds=seeds, methods=METHODS, updates_per_run=700,
        runs_per_method=5, searches=searches(seeds),
    )  # fmt: skip


def embeddings(seed, pull, count=40, size=16):
    """Two clouds of pictures; `pull` moves the restored ones to forget to where all noise lies."""
    rng = np.random.default_rng(seed)
    arrays = {"network": np.array("clip_vitb32")}
    for kind, place in (("retain", 0.0), ("forget", 3.0)):
        labels = np.arange(count, dtype=np.int32) % 5
        original = place + 2.0 * np.eye(size)[labels] + 0.3 * rng.normal(size=(count, size))
        share = pull if kind == "forget" else 0.0
        noise = 9.0 * np.eye(size)[9] + 0.3 * rng.normal(size=(count, size))
        restored = original + 0.2 * rng.normal(size=(count, size))
        arrays[f"{kind}_original"] = original.astype(np.float32)
        arrays[kind] = ((1 - share) * restored + share * noise).astype(np.float32)
        arrays[f"{kind}_label"] = labels
    return arrays


def write_folder(workdir, seeds=(0, 1, 2), finished=None, count=40, pages=False):
    """Writes the folder of a comparison; seeds that are not finished have none of their own."""
    write_comparison_record(workdir / "comparison.json", comparison(seeds))
    for seed in seeds if finished is None else finished:
        folder = workdir / f"seed_{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        write_results(folder / "results.json", seed_results(seed))
        if pages:
            (folder / "report.html").write_text("the page of a run")
        for name, pull in (("original", 0.1), ("control_0.5", 0.8)):
            place = folder / "solutions" / name
            place.mkdir(parents=True, exist_ok=True)
            np.savez(place / "embeddings.npz", **embeddings(seed, pull, count))
    return workdir
