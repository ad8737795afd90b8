"""model.dtype=bfloat16: the networks compute in it, and all that decides an update is float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from cu_jax import sharding
from cu_jax.config import optimizer
from cu_jax.data import Data, MemorySource
from cu_jax.data.manifest import Manifest
from cu_jax.evaluation import FullSetLosses
from cu_jax.methods import METHODS, frozen_parts, unlearning_objectives
from cu_jax.methods.objectives import SPACES
from cu_jax.models import MODELS
from cu_jax.training import compile_step

# Here XLA, left to itself, rounds the student's features elsewhere than the teacher's.
SIZES = dict(name="mae", image_size=28, patch_size=4, channels=1, encoder_width=32)
SIZES |= dict(encoder_depth=1, encoder_heads=4, decoder_width=16, decoder_depth=1, decoder_heads=2)
BASE = dict(
    noise_mean=(0.5,), noise_std=(0.29,), clip=1.0, microbatches=1, phase="pareto", ema_decay=0.0
)
BASE |= dict(alpha=5.0, beta=5.0, tau=2.0, delta=1.0, gradient_decay=0.9, value_decay=0.9)
BASE |= dict(swap=False, optimizer=optimizer(1e-3))
KNOBS = dict(steps=20.0, epsilon=0.1)


def model_of(dtype):
    return MODELS["mae"](SIZES | {"dtype": dtype})


@pytest.fixture(scope="module")
def teacher():
    return jax.jit(model_of("float32").init)(jax.random.key(0))


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 8, 28, 28, 1)).astype(np.uint8)
    return [{"image": jnp.asarray(x), "label": jnp.zeros(8, jnp.int32)} for x in images]


def path(dtype, teacher, sets, space, steps):
    """States and scalars of a few updates, compiled as the training loop compiles them."""
    config, model = ConfigDict(BASE | {"space": space}), model_of(dtype)
    method = METHODS["controllable"](config, model, frozen_parts(config, model, teacher))
    mesh = sharding.make_mesh()
    step, found = compile_step(method, mesh), []
    state, key = sharding.put_replicated(mesh, (method.init(teacher, **KNOBS), jax.random.key(1)))
    for _ in range(steps):
        state, scalars = step(state, *sets, key)
        found.append({name: np.asarray(value) for name, value in scalars.items()})
    return state, found


@pytest.fixture(scope="module", params=SPACES)
def updates(request, teacher, sets):
    return request.param, *path("bfloat16", teacher, sets, request.param, 6)


def test_what_decides_an_update_is_float32_and_the_original_loses_nothing(updates):
    _, state, found = updates
    kinds = {leaf.dtype for leaf in jax.tree.leaves(state) if leaf.dtype.kind in "fV"}
    assert kinds == {jnp.dtype("float32")}  # parameters, moments, multiplier and its means
    for name in ("retain_loss", "forget_loss", "multiplier", "violation", "retain_grad_norm"):
        assert {scalars[name].dtype for scalars in found} == {np.dtype("float32")}
    assert found[0]["retain_loss"] == 0 and found[0]["retain_grad_norm"] == 0
    assert found[-1]["forget_loss"] < found[0]["forget_loss"] and found[-1]["retain_loss"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("updates", ["encoder"], indirect=True)  # each takes a compilation
def test_a_few_updates_are_float32s_up_to_rounding(updates, teacher, sets):
    space, _, found = updates
    _, exact = path("float32", teacher, sets, space, 6)
    for name in ("retain_loss", "forget_loss"):
        values, expected = (np.array([s[name] for s in run]) for run in (found, exact))
        assert not np.array_equal(values, expected)  # it is another arithmetic
        # bfloat16 has 8 bits, and Adam's first updates depend on signs alone.
        np.testing.assert_allclose(values, expected, rtol=0.05, atol=0.02 * exact[0]["forget_loss"])


@pytest.mark.slow
def test_the_original_loses_nothing_on_the_whole_sets(teacher, sets):
    sources = {
        f"{name}/train": MemorySource(np.asarray(batch["image"]), np.asarray(batch["label"]))
        for name, batch in zip(("retain", "forget"), sets, strict=True)
    }
    data = Data(Manifest({}), ("0",), (28, 28, 1), sources)
    model = model_of("bfloat16")
    config = ConfigDict(BASE | {"space": "encoder"})
    objectives, frozen = unlearning_objectives(config, model), frozen_parts(config, model, teacher)
    full = FullSetLosses(objectives, model, frozen, data, 3, 0)(teacher)
    assert full.retain_loss == 0 and full.retain_grad_norm == 0
    assert full.forget_loss > 0.05 and full.forget_grad_norm > 0


def test_matrix_products_are_in_bfloat16_and_sums_of_the_loss_are_not(teacher, sets):
    model = model_of("bfloat16")
    loss = unlearning_objectives(ConfigDict(BASE | {"space": "output"}), model).forget
    encoder, rest = model.split(teacher)

    def mean(encoder):
        frozen = {"teacher": encoder, "rest": rest}
        return loss(encoder, sets[1], frozen, jax.random.key(0)).mean()

    value, grad = jax.eval_shape(jax.value_and_grad(mean), encoder)
    assert {leaf.dtype for leaf in jax.tree.leaves((value, grad))} == {jnp.dtype("float32")}
    products = [e for e in equations(jax.make_jaxpr(mean)(encoder).jaxpr) if e[0] == "dot_general"]
    assert len(products) >= 6 * (1 + 1) + 3
    assert {dtype for _, dtypes in products for dtype in dtypes} == {"bfloat16"}


def equations(jaxpr):
    """Every primitive, those within others too, and the dtypes of what it takes."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name, {str(v.aval.dtype) for v in equation.invars}
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from equations(inner)
