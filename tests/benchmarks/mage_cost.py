"""What a step of unlearning MAGE costs: FLOPs against the predecessor's step, as ratios.

    python tests/benchmarks/mage_cost.py [--sizes ViT-B ViT-L]

Two pictures to retain and two to forget, 256 x 256 pixels, published tokenizer and transformers.
The predecessor makes tokens three times a picture and step, of the picture for the student, of the
picture again for the teacher, and of a picture of noise, runs the teacher on both, and weighs the
two distances of every picture by what the picture is. It has no output space; "its way" is what
its order of work costs there: a decoder behind each encoder, and, since the forget target is zero,
no noise.

Ours makes tokens once for student and teacher, draws those of noise from a pool that is made once,
and runs the teacher only on what the picture's loss reads. Cached: with `config.data.cache_tokens`
the pictures' tokens are made once too. FLOPs are XLA's count of each lowered program, forward and
backward; nothing is compiled or run.
"""

import argparse

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from cu_jax.losses import feature_distance, weighted_mean
from cu_jax.methods import frozen_parts, unlearning_objectives
from cu_jax.models.mage import Mage
from cu_jax.models.vqgan import VqGan

EACH = 2
SIZES = {"ViT-B": (768, 12, 12, 768, 8, 16), "ViT-L": (1024, 24, 16, 1024, 8, 16)}
LOSS = dict(noise_mean=(0.5,) * 3, noise_std=(0.25,) * 3)


def flops(function, *shapes):
    """XLA's count for one call, in units of 10⁹."""
    return jax.jit(function).lower(*shapes).cost_analysis()["flops"] / 1e9


def predecessor(model, space, weights):
    """Gradient of the scheme's loss; ``weights``: of each picture's two distances."""

    def loss(encoder, frozen, images, noise, key):
        corruption = model.corrupt(key, len(images))
        whole = model.merge(frozen["teacher"], frozen["rest"])

        def seen(encoder, pictures):
            tokens = model.prepare(frozen["rest"], pictures, key)
            features = model.encode(encoder, tokens, corruption)
            if space == "encoder":
                return features
            return model.decode(model.merge(encoder, frozen["rest"]), features, corruption)

        student = seen(encoder, images)
        retain = seen(frozen["teacher"], images)
        forget = seen(frozen["teacher"], noise)
        if space == "output":
            tokens = model.prepare(frozen["rest"], noise, key)
            forget = model.output_target(whole, tokens, corruption)
        distances = jnp.stack([feature_distance(student, target) for target in (retain, forget)])
        return (distances * jnp.asarray(weights)).mean()

    return jax.grad(loss)


def shapes_of(model, space):
    """Shapes of the student, what is frozen, and a batch of a set with pictures or with tokens."""
    config = ConfigDict(LOSS | {"space": space})
    params = jax.eval_shape(model.init, jax.random.key(0))
    frozen = jax.eval_shape(lambda teacher: frozen_parts(config, model, teacher), params)
    shape = jax.ShapeDtypeStruct
    label = {"label": shape((EACH,), jnp.int32)}
    pictures = label | {"image": shape((EACH, *model.image_shape), jnp.uint8)}
    tokens = label | {"inputs": shape((EACH, model.tokenizer.tokens), jnp.int32)}
    return params["encoder"], frozen, pictures, tokens


def way(model, space, count):
    """FLOPs of the predecessor's order of work for so many pictures."""
    encoder, frozen, *_ = shapes_of(model, space)
    images = jax.ShapeDtypeStruct((count, *model.image_shape), jnp.float32)
    step = predecessor(model, space, [[1.0] * count] * 2)
    return flops(step, encoder, frozen, images, images, jax.random.key(1))


def ours(model, space, names):
    """FLOPs of the gradients of the named losses: with pictures, and with cached tokens."""
    encoder, frozen, *batches = shapes_of(model, space)
    per_example = unlearning_objectives(ConfigDict(LOSS | {"space": space}), model)

    def mean(name):
        loss = getattr(per_example, name)
        return lambda params, batch, fixed, key: weighted_mean(loss(params, batch, fixed, key))

    def gradients(params, batch, fixed, key):
        return [jax.value_and_grad(mean(name))(params, batch, fixed, key) for name in names]

    return [flops(gradients, encoder, batch, frozen, jax.random.key(1)) for batch in batches]


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    sizes = parser.parse_args().sizes
    print("| GFLOP | ours | cached | predecessor | ratio | cached | its way | ratio | cached |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for size in sizes:
        model = Mage(VqGan(), *SIZES[size])
        rows = [("encoder", ("retain", "forget")), ("output", ("retain", "forget"))]
        rows += [("output", ("retain",)), ("output", ("forget",))]
        for space, names in rows:
            count = EACH * len(names)
            step, cached = ours(model, space, names)
            cells = [f"{size}, {space} space, {' + '.join(names)}", f"{step:.0f}", f"{cached:.0f}"]
            for before in (way(model, "encoder", count), way(model, space, count)):
                cells += [f"{before:.0f}", f"{before / step:.2f}", f"{before / cached:.2f}"]
            print("| " + " | ".join(cells) + " |", flush=True)
    model = Mage(VqGan(), *SIZES[sizes[0]])
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    image = jax.ShapeDtypeStruct((1, *model.image_shape), jnp.float32)
    once = flops(model.prepare, model.split(shapes)[1], image, jax.random.key(1))
    print(
        f"\nTokens of one picture: {once:.0f} GFLOP; of the pool, once: {model.noise_pool} times."
    )


if __name__ == "__main__":
    main()
