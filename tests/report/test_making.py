"""What the page says of how a model restores, where scores depend on it."""

import pytest

from cu_jax.report.page.settings import making
from cu_jax.results import Boundaries, Results

SAMPLING = {"schedule": {"length": 2000}, "steps": 10, "eta": 1.0, "forget_noise": "picture"}


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        ({"name": "mae"}, {}),
        ({"tie_head": False}, {"output layer": "the original's, frozen"}),
        (
            {"tie_head": True},
            {"output layer": "shared with the encoder's token embeddings, and changed with them"},
        ),
        (
            SAMPLING | {"sampler": "ddim"},
            {
                "sampling": "ddim, 10 of 2000 steps, eta 1",
                "the teacher sees of forget pictures": "a picture of noise",
            },
        ),
        (
            SAMPLING | {"sampler": "ddpm", "steps": 2000, "forget_noise": "hole"},
            {
                "sampling": "ddpm, 2000 of 2000 steps",
                "the teacher sees of forget pictures": "the picture with noise in its hole",
            },
        ),
    ],
)
def test_what_scores_depend_on_is_said(model, rows):
    bounds = Boundaries(epsilon_min=0.1, epsilon_max=0.2, epsilon_original=0.4)
    results = Results(name="demo", config_hash="c0", boundaries=bounds)
    said = dict(making(results, {"hash": "c0", "config": {"model": model}}).identity)
    general = {"seed", "hash of the settings", "hash of the manifest"}
    assert {name: text for name, text in said.items() if name not in general} == rows
