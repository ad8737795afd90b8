"""Every message names the argument, the rule and the value given."""

import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cu_jax.optim import constrained, epsilon_constraint

# The tests check annotations at run time; here the transform's own words are wanted.
build = inspect.unwrap(epsilon_constraint)

WRONG = [
    (dict(alpha=0.0), "alpha must be finite and greater than 0, got 0.0"),
    (dict(alpha=-1.0), "alpha must be finite and greater than 0, got -1.0"),
    (dict(alpha=float("nan")), "alpha must be finite and greater than 0, got nan"),
    (dict(beta=0), "beta must be finite and greater than 0, got 0"),
    (dict(beta=float("inf")), "beta must be finite and greater than 0, got inf"),
    (dict(tau=0.9), "tau must be finite and at least 1, got 0.9"),
    (dict(delta=0.0), "delta must be finite and greater than 0, got 0.0"),
    (dict(integral_gain=-0.1), "integral_gain must be finite and at least 0, got -0.1"),
    (dict(gradient_decay=1.0), "gradient_decay must be at least 0 and less than 1, got 1.0"),
    (dict(gradient_decay=-0.1), "gradient_decay must be at least 0 and less than 1, got -0.1"),
    (dict(value_decay=2), "value_decay must be at least 0 and less than 1, got 2"),
    (dict(value_decay="0.9"), "value_decay must be a plain Python number"),
    (dict(boundary_steps=-1), "boundary_steps must be an integer of at least 0, got -1"),
    (dict(boundary_steps=1.5), "boundary_steps must be an integer of at least 0, got 1.5"),
    (dict(boundary_steps=jnp.array(3)), "boundary_steps must be a plain Python number"),
    (dict(num_constraints=0), "num_constraints must be an integer of at least 1, got 0"),
    (dict(num_constraints=True), "num_constraints must be a plain Python number"),
    (dict(epsilon=float("nan")), "epsilon must not be NaN, got nan"),
    (dict(epsilon=np.ones(2)), "epsilon must have shape (), got shape (2,)"),
    (
        dict(epsilon=np.ones(3), num_constraints=2),
        "epsilon must have shape () or (2,), got shape (3,)",
    ),
]


@pytest.mark.parametrize(("kwargs", "message"), WRONG, ids=[m[:40] for _, m in WRONG])
def test_the_factory_says_what_is_wrong(kwargs, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        build(**({"epsilon": 0.5} | kwargs))
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_right_values_at_the_edges_pass():
    build(0, alpha=1e-9, beta=1e-9, tau=1, delta=1e-9, boundary_steps=np.int64(0))
    build(float("inf"), gradient_decay=0, value_decay=np.float32(0.5), num_constraints=16)


@pytest.mark.parametrize("clip", [0.0, -1.0])
def test_clip_must_be_positive(clip):
    with pytest.raises(ValueError, match="clip must be finite and greater than 0, got"):
        constrained(optax.sgd(0.1), 0.5, clip=clip)


def test_traced_numbers_are_not_looked_at():
    def init(alpha, epsilon):
        return epsilon_constraint(epsilon, alpha=alpha).init(jnp.zeros(2))

    assert float(jax.jit(init)(-1.0, jnp.nan).count) == 0


PARAMS = {"a": [jnp.zeros(2), jnp.zeros(3)], "b": jnp.zeros(1)}
MISMATCHED = [
    ({"a": [jnp.zeros(2), jnp.zeros(4)], "b": jnp.zeros(1)}, "['a'][1]", "(3,)", "(4,)"),
    ({"a": [jnp.zeros(2)], "b": jnp.zeros(1)}, "['a'][1]", "(3,)", "no leaf"),
    (PARAMS | {"c": jnp.zeros(1)}, "['c']", "no leaf", "(1,)"),
    ({"a": PARAMS["a"], "b": None}, "['b']", "(1,)", "no leaf"),
]


@pytest.mark.parametrize(("grad", "path", "ours", "theirs"), MISMATCHED)
@pytest.mark.parametrize("num_constraints", [None, 2])
def test_trees_that_differ_are_named_by_their_first_path(grad, path, ours, theirs, num_constraints):
    tx = epsilon_constraint(0.5, num_constraints=num_constraints)
    name, given = "constraint_grad", dict(constraint_grad=grad, constraint_value=1.0)
    if num_constraints:
        name = "constraint_grad[1]"
        given = dict(constraint_grad=[PARAMS, grad], constraint_value=[1.0, 1.0])
    with pytest.raises(ValueError) as caught:
        tx.update(PARAMS, tx.init(PARAMS), **given)
    message = str(caught.value)
    assert message.startswith(f"{name} must have the structure and shapes")
    assert f"at params{path} the objective has" in message
    assert message.index(ours) < message.index(theirs)


@pytest.mark.parametrize("missing", ["constraint_grad", "constraint_value"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_missing_argument_is_named(missing, wrapped):
    tx = constrained(optax.sgd(0.1), 0.5) if wrapped else epsilon_constraint(0.5)
    given = dict(constraint_grad=PARAMS, constraint_value=1.0)
    del given[missing]
    with pytest.raises(ValueError, match=f"^{missing} must be given to every update, got None"):
        tx.update(PARAMS, tx.init(PARAMS), PARAMS, **given)


@pytest.mark.parametrize(
    ("num_constraints", "given", "message"),
    [
        (None, dict(constraint_value=[1.0, 2.0]), "constraint_value must have shape ()"),
        (2, dict(constraint_value=1.0), "constraint_value must have shape (2,)"),
        (2, dict(constraint_grad=[PARAMS]), "of num_constraints=2 trees, got a list of 1"),
        (2, dict(constraint_grad=PARAMS), "of num_constraints=2 trees, got a dict"),
    ],
)
def test_the_number_of_constraints_must_agree(num_constraints, given, message):
    tx = epsilon_constraint(0.5, num_constraints=num_constraints)
    right = dict(constraint_grad=PARAMS, constraint_value=1.0)
    if num_constraints:
        right = dict(constraint_grad=[PARAMS] * 2, constraint_value=[1.0, 1.0])
    with pytest.raises(ValueError, match=re.escape(message)):
        tx.update(PARAMS, tx.init(PARAMS), **(right | given))
