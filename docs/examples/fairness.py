"""Logistic regression on tumors, with a bound on how much the scores of two groups may differ.

The groups are tumors of rough and of smooth texture; run it: python docs/examples/fairness.py
"""

import jax
import jax.numpy as jnp
import optax
from sklearn.datasets import load_breast_cancer

import cu_jax

x, y = (jnp.asarray(a, jnp.float32) for a in load_breast_cancer(return_X_y=True))
x = (x - x.mean(axis=0)) / x.std(axis=0)
rough = x[:, 1] > jnp.median(x[:, 1])


def loss(params, batch):
    """The objective."""
    return optax.sigmoid_binary_cross_entropy(x @ params["w"] + params["b"], y).mean()


def disparity(params, batch):
    """The constraint: the squared difference of the groups' mean scores."""
    scores = jax.nn.sigmoid(x @ params["w"] + params["b"])
    return (scores.mean(where=rough) - scores.mean(where=~rough)) ** 2


def train(largest, steps=1000):
    """Returns the loss, the disparity and the multiplier at the end."""
    tx = cu_jax.constrained(optax.adam(optax.cosine_decay_schedule(0.05, steps)), largest**2)
    gradients = cu_jax.value_and_grads(loss, disparity)  # our data are whole: no batches below

    def step(carry, _):
        params, state = carry
        values, (g_r, g_f) = gradients(params, None, None)
        given = dict(constraint_grad=g_f, constraint_value=values[1])
        updates, state = tx.update(g_r, state, params, **given)
        return (optax.apply_updates(params, updates), state), values

    params = {"w": jnp.zeros(x.shape[1]), "b": jnp.zeros(())}
    (_, state), (losses, squares) = jax.lax.scan(step, (params, tx.init(params)), length=steps)
    multiplier = cu_jax.constraint_state(state).multiplier
    return float(losses[-1]), float(jnp.sqrt(squares[-1])), float(multiplier)


if __name__ == "__main__":
    for largest in (1.0, 0.3, 0.2, 0.1):
        row = "loss {:.3f}, disparity {:.3f}, multiplier {:.2f}".format(*train(largest))
        print(f"disparity at most {largest}: {row}")
