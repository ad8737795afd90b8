"""FLOPs counted in a jaxpr: products and convolutions by hand, and through what contains them."""

import jax
import jax.numpy as jnp
import pytest

from cu_jax.speed.flops import count_flops

SQUARE = jnp.ones((4, 4))
PICTURES, KERNEL = jnp.ones((2, 8, 8, 6)), jnp.ones((3, 3, 6, 5))
PRODUCT, CONVOLUTION = 2 * 4**3, 2 * (2 * 8 * 8 * 5) * (3 * 3 * 6)


def count(function, *args):
    return count_flops(jax.make_jaxpr(function)(*args))


def convolved(kernel, pictures, **options):
    return jax.lax.conv_general_dilated(
        pictures, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), **options
    )


def test_products_with_batches_and_several_contracted_axes():
    left, right = jnp.ones((7, 2, 3, 5)), jnp.ones((7, 3, 5, 11))
    assert count(lambda a, b: jnp.einsum("bijk,bjkl->bil", a, b), left, right) == (
        2 * 7 * 2 * 11 * 15
    )


def test_what_is_no_product_does_not_count():
    assert count(lambda a: jnp.exp(a) + a.sum() * jnp.sort(a), SQUARE) == 0


def test_convolutions_and_their_gradients():
    assert count(convolved, KERNEL, PICTURES) == CONVOLUTION
    grouped = jnp.ones((3, 3, 3, 4))
    assert count(lambda k, x: convolved(k, x, feature_group_count=2), grouped, PICTURES) == (
        2 * (2 * 8 * 8 * 4) * (3 * 3 * 3)
    )
    both = jax.grad(lambda k, x: jnp.sum(convolved(k, x) ** 2), argnums=(0, 1))
    assert count(both, KERNEL, PICTURES) == 3 * CONVOLUTION
    each = jax.vmap(both, in_axes=(None, 0))  # one kernel's gradient for each of four batches
    assert count(each, KERNEL, jnp.stack([PICTURES] * 4)) == 4 * 3 * CONVOLUTION


def test_the_gradient_of_a_strided_convolution_does_not_count_the_zeros_between():
    def strided(kernel, pictures):
        return jax.lax.conv_general_dilated(
            pictures, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    both = jax.grad(lambda k, x: strided(k, x).sum(), argnums=(0, 1))
    assert count(both, KERNEL, PICTURES) == pytest.approx(3 * count(strided, KERNEL, PICTURES))


@pytest.mark.parametrize(
    ("function", "times"),
    [
        (jax.jit(lambda a: a @ a), 1),
        (jax.checkpoint(lambda a: a @ a @ a), 2),
        (lambda a: jax.lax.scan(lambda c, _: (c @ a, c @ a), a, None, length=7)[0], 14),
        (lambda a: jax.lax.cond(a[0, 0] > 0, lambda a: a @ a @ a, lambda a: a @ a, a), 2),
        (jax.vmap(lambda row: row @ SQUARE), 1),
    ],
    ids=["jit", "checkpoint", "scan", "cond", "vmap"],
)
def test_what_is_inside_counts_as_often_as_it_runs(function, times):
    assert count(function, SQUARE) == times * PRODUCT
