"""A browser, and a made-up run whose pictures and numbers show what the page does with them.

Needs the extra ``browser`` and Debian's chromium; another one is named by CU_JAX_CHROMIUM.
"""

import json
import os

import numpy as np
import pytest

from cu_jax.report import write_page
from cu_jax.results import Boundaries, Results, Solution, write_results

_ARGUMENTS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# Name, control, f_r, f_f, seconds and the gray of the hole in its forget pictures. Seconds are in
# another order as text than as numbers.
SOLUTIONS = (
    ("original", None, 0.0, 1.6, None, 250),
    ("complete", None, 0.7, 0.6, 9.5, 10),
    ("control_0", 0.0, 0.2, 0.65, 1000.0, 50),
    ("control_0.5", 0.5, 0.05, 0.9, 20.0, 100),
    ("control_1", 1.0, 0.01, 1.2, 100.25, 150),
    ("composite_0.1", None, 0.00004, 1.3, 3.0, 200),
)
RETAINED = 180


def write_run(workdir, name="tiny", method="composite"):
    """Writes the files of the run and its page; returns the page's address."""
    solutions = [
        Solution(
            name=solution,
            method={"original": "original", "composite_0.1": method}.get(solution, "controllable"),
            control=control,
            epsilon=None if control is None else 0.6 + 0.6 * control,
            retain_loss=retain_loss,
            forget_loss=forget_loss,
            seconds=float("nan") if seconds is None else seconds,
            metrics={"retain/psnr": 9.0, "forget/psnr": 5.5},
        )
        for solution, control, retain_loss, forget_loss, seconds, _ in SOLUTIONS
    ]
    bounds = Boundaries(epsilon_min=0.6, epsilon_max=1.2, epsilon_original=1.6)
    results = Results(
        name=name,
        config_hash=name,
        boundaries=bounds,
        environment={name: name},
        stages={name: 1.0},
        solutions=tuple(solutions),
    )
    write_results(workdir / "results.json", results)
    (workdir / "config.json").write_text(
        json.dumps({"hash": name, "config": {"seed": 0, name: name, "data": {name: name}}})
    )
    lines = [
        {"stage": stage, "step": step, "retain_loss": 0.1 * step, "forget_loss": 1.6 - 0.1 * step}
        for stage in [*(row[0] for row in SOLUTIONS[1:]), name]
        for step in range(6)
    ]
    (workdir / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for solution, *_, gray in SOLUTIONS:
        folder = workdir / "solutions" / solution
        folder.mkdir(parents=True)
        np.savez(folder / "pictures.npz", **_pictures(gray))
    return write_page(workdir).as_uri()


def _pictures(gray):
    arrays = {}
    for kind, filled in (("forget", gray), ("retain", RETAINED)):
        original = np.full((6, 8, 8, 1), 30, np.uint8)
        corrupted, restored = original.copy(), original.copy()
        corrupted[:, 2:6, 2:6], restored[:, 2:6, 2:6] = 0, filled
        arrays |= {
            f"{kind}_original": original,
            f"{kind}_corrupted": corrupted,
            f"{kind}_restored": restored,
            f"{kind}_label": np.arange(6, dtype=np.int32) % 3,
        }
    return arrays


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def hostile_address(tmp_path_factory):
    """The page of a run whose names attack it, and are longer than any screen is wide."""
    evil = "</script><script>alert(1)</script><!--\"'><img src=x onerror=alert(2)>" + "w" * 300
    return write_run(tmp_path_factory.mktemp("hostile"), evil, evil)


@pytest.fixture(scope="session")
def chromium():
    # Here, so that the other tests can be collected without it.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = os.environ.get("CU_JAX_CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Opens a page, and fails the test if it complains, asks anything or fetches anything."""
    contexts, complaints = [], []

    def open_page(address, **settings):
        context = chromium.new_context(**({"reduced_motion": "reduce"} | settings))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(5000)
        page.on("console", lambda message: complaints.append(("console", message.text)))
        page.on("pageerror", lambda error: complaints.append(("error", str(error))))
        page.on("dialog", lambda dialog: complaints.append(("dialog", dialog.message)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((address, "data:"))
                else complaints.append(("request", request.url))
            ),
        )
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
