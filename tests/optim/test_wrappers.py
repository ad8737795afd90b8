"""The transform inside other people's wrappers: right uses, and what the wrong ones give."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from cu_jax.optim import constrained, constraint_state, epsilon_constraint, skip_nonfinite

PARAMS = {"encoder": {"w": jnp.array([1.0, -2.0]), "b": None}, "decoder": jnp.array([3.0, 0.5])}
OBJECTIVE = {"encoder": {"w": jnp.array([0.5, 1.0]), "b": None}, "decoder": jnp.array([7.0, -7.0])}
CONSTRAINT = {"encoder": {"w": jnp.array([-1.0, 0.5]), "b": None}, "decoder": jnp.array([9.0, 9.0])}
VALUE, EPSILON = 0.9, 0.4
TRAINED = {"encoder": {"w": True, "b": None}, "decoder": False}
GIVEN = dict(constraint_grad=CONSTRAINT, constraint_value=VALUE)


def encoder_only(tree):
    return {"w": tree["encoder"]["w"]}


def expected_direction():
    """The rule on the encoder alone, as if the decoder did not exist."""
    g_r, g_f = (np.asarray(t["encoder"]["w"]) for t in (OBJECTIVE, CONSTRAINT))
    return g_r + max((5 * (VALUE - EPSILON) - g_r @ g_f) / (g_f @ g_f), 0) * g_f


@pytest.mark.parametrize("mask_extra_args", [False, True])
def test_masked_sees_the_unmasked_parameters_only(mask_extra_args):
    tx = optax.chain(
        optax.masked(
            epsilon_constraint(EPSILON, gradient_decay=0.5),
            TRAINED,
            mask_compatible_extra_args=mask_extra_args,
        ),
        optax.masked(optax.set_to_zero(), jax.tree.map(lambda t: not t, TRAINED)),
    )
    updates, state = jax.jit(tx.update)(OBJECTIVE, tx.init(PARAMS), PARAMS, **GIVEN)
    np.testing.assert_allclose(updates["encoder"]["w"], expected_direction(), rtol=1e-6)
    np.testing.assert_array_equal(updates["decoder"], 0)
    assert jax.tree.leaves(constraint_state(state).objective_grad_mean)[0].shape == (2,)
    assert len(jax.tree.leaves(constraint_state(state).objective_grad_mean)) == 1


def test_masked_with_several_constraints():
    tx = optax.masked(epsilon_constraint(EPSILON, num_constraints=1), TRAINED)
    updates, _ = tx.update(
        OBJECTIVE, tx.init(PARAMS), constraint_grad=[CONSTRAINT], constraint_value=[VALUE]
    )
    np.testing.assert_allclose(updates["encoder"]["w"], expected_direction(), rtol=1e-5)


def test_partition_trains_one_group_and_freezes_the_other():
    labels = {"encoder": {"w": "train", "b": None}, "decoder": "freeze"}
    tx = optax.partition(
        {"train": constrained(optax.sgd(0.1), EPSILON), "freeze": optax.set_to_zero()}, labels
    )
    updates, state = jax.jit(tx.update)(OBJECTIVE, tx.init(PARAMS), PARAMS, **GIVEN)
    np.testing.assert_allclose(updates["encoder"]["w"], -0.1 * expected_direction(), rtol=1e-6)
    np.testing.assert_array_equal(updates["decoder"], 0)
    assert float(constraint_state(state).multiplier) > 0


def test_none_leaves_and_subtrees_are_no_parameters():
    tx = constrained(optax.adam(0.1), EPSILON)
    without = lambda tree: tree | {"decoder": None}  # noqa: E731
    updates, _ = tx.update(
        without(OBJECTIVE),
        tx.init(without(PARAMS)),
        without(PARAMS),
        constraint_grad=without(CONSTRAINT),
        constraint_value=VALUE,
    )
    assert updates["decoder"] is None and updates["encoder"]["b"] is None
    np.testing.assert_allclose(
        updates["encoder"]["w"], -0.1 * np.sign(expected_direction()), rtol=1e-4
    )


def test_clipping_after_the_combination_keeps_the_direction():
    clipped, plain = constrained(optax.sgd(1.0), EPSILON, clip=0.5), epsilon_constraint(EPSILON)
    updates, _ = clipped.update(OBJECTIVE, clipped.init(PARAMS), PARAMS, **GIVEN)
    direction, _ = plain.update(OBJECTIVE, plain.init(PARAMS), **GIVEN)
    norm = optax.tree.norm(direction)
    assert norm > 0.5
    jax.tree.map(
        lambda u, d: np.testing.assert_allclose(u, -0.5 * d / norm, rtol=1e-5), updates, direction
    )


def test_wrong_clipping_before_leaves_the_constraint_gradient_unclipped():
    wrong = optax.chain(optax.clip_by_global_norm(0.5), epsilon_constraint(EPSILON))
    direction, _ = wrong.update(OBJECTIVE, wrong.init(PARAMS), **GIVEN)
    assert optax.tree.norm(direction) > 0.51  # and the rule compared gradients of two scales


def accumulate(tx, state, grads, **constraint):
    """The microbatches one after the other, through an optimizer that takes the last one's step."""
    for i, grad in enumerate(grads):
        given = {name: value[i] for name, value in constraint.items()}
        updates, state = tx.update(grad, state, jnp.zeros(2), **given)
    return updates, state


def test_multi_steps_after_the_combination_is_right_and_around_it_is_wrong():
    g_r = [jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])]
    given = dict(
        constraint_grad=[jnp.array([1.0, 1.0]), jnp.array([-1.0, 3.0])], constraint_value=[2.0, 1.0]
    )
    both = constrained(optax.sgd(1.0), 0.5)
    means = {k: sum(v) / 2 for k, v in given.items()}
    right, _ = both.update(sum(g_r) / 2, both.init(jnp.zeros(2)), jnp.zeros(2), **means)

    around = optax.MultiSteps(both, every_k_schedule=2)
    wrong, _ = accumulate(around, around.init(jnp.zeros(2)), g_r, **given)
    last_only, _ = both.update(
        sum(g_r) / 2,
        both.init(jnp.zeros(2)),
        jnp.zeros(2),
        constraint_grad=given["constraint_grad"][1],
        constraint_value=given["constraint_value"][1],
    )
    np.testing.assert_allclose(wrong, last_only, rtol=1e-6)
    assert np.abs(wrong - right).max() > 0.1

    # Behind the combination MultiSteps averages directions, each with its own multiplier.
    behind = optax.chain(
        epsilon_constraint(0.5),
        optax.MultiSteps(optax.sgd(1.0), every_k_schedule=2).gradient_transformation(),
    )
    averaged, _ = accumulate(behind, behind.init(jnp.zeros(2)), g_r, **given)
    plain = epsilon_constraint(0.5)
    directions = [
        plain.update(g, plain.init(g), constraint_grad=c, constraint_value=v)[0]
        for g, c, v in zip(g_r, *given.values(), strict=True)
    ]
    np.testing.assert_allclose(averaged, -sum(directions) / 2, rtol=1e-6)


@pytest.mark.parametrize("bad", ["constraint_grad", "constraint_value"])
def test_wrong_apply_if_finite_does_not_see_the_constraint(bad):
    chain = optax.chain(epsilon_constraint(EPSILON), optax.adam(0.1))
    wrong, right = optax.apply_if_finite(chain, max_consecutive_errors=5), skip_nonfinite(chain)
    spoiled = GIVEN | {bad: jax.tree.map(lambda x: x * jnp.nan, GIVEN[bad])}
    for tx, moves in ((wrong, True), (right, False)):
        _, state = tx.update(OBJECTIVE, tx.init(PARAMS), PARAMS, **GIVEN)
        updates, _ = tx.update(OBJECTIVE, state, PARAMS, **spoiled)
        assert bool(optax.tree.norm(updates) > 0.01) == moves


def test_nnx_optimizer_passes_the_constraint_on():
    class Model(nnx.Module):
        def __init__(self):
            self.x = nnx.Param(jnp.array([0.0, 0.0]))

    model, target = Model(), jnp.array([3.0, 4.0])
    tx = constrained(optax.sgd(0.1), epsilon=0.5, beta=2.0)
    optimizer = nnx.Optimizer(model, tx, wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer):
        objective_grad = nnx.grad(lambda m: 0.5 * jnp.sum((m.x - target) ** 2))(model)
        value, grad = nnx.value_and_grad(lambda m: 0.5 * jnp.sum(m.x[...] ** 2))(model)
        optimizer.update(model, objective_grad, constraint_grad=grad, constraint_value=value)

    for _ in range(200):
        step(model, optimizer)
    # min ½‖x-a‖² s.t. ½‖x‖² ≤ ½: the point a/‖a‖ with λ = ‖a‖ - 1
    np.testing.assert_allclose(model.x[...], target / 5, atol=1e-4)
    assert float(constraint_state(optimizer.opt_state).multiplier[...]) == pytest.approx(4.0, 1e-3)


@pytest.mark.parametrize("count", [0, 2])
def test_constraint_state_wants_exactly_one(count):
    state = epsilon_constraint(EPSILON).init(PARAMS)
    with pytest.raises(ValueError, match=f"exactly one EpsilonConstraintState, found {count}"):
        constraint_state({"a": [state] * count})
