"""What the benchmarks time is the same step: equal losses, multiplier and parameters.

Needs PyTorch; without it these tests are errors. Leave them out with -m 'not torch'.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.methods.objectives import noise_pictures

pytestmark = pytest.mark.torch
CLOSE = dict(rtol=1e-4, atol=1e-6)
NARROW = {
    "configs/mae_imagenet.py:base": dict(
        dict(image_size=32, patch_size=8, encoder_width=48, encoder_depth=2, encoder_heads=4),
        **dict(decoder_width=16, decoder_depth=1, decoder_heads=2),
    ),
    "configs/vqgan_imagenet.py:base": dict(
        dict(encoder_width=48, encoder_depth=2, encoder_heads=4, noise_pool=8, vocabulary=150),
        **dict(decoder_width=48, decoder_depth=1, decoder_heads=2, class_token=64 + 76),
        tokenizer=dict(image_size=32, width=32, multipliers=(1, 1, 2), codes=64, code_width=16),
    ),
    "configs/palette_imagenet.py": dict(
        image_size=16, width=32, multipliers=(1, 2), res_blocks=1, heads=2, embed_width=24
    ),
}
"""Config to the sizes of its model that differ."""
BATCH, EPSILON = 3, 0.01


def shaken(tree, seed):
    """Parameters a little off, so that nothing is zero and the student is not the teacher."""
    leaves, form = jax.tree.flatten(tree)
    draw = np.random.RandomState(seed)
    moved = [x + 0.05 * draw.standard_normal(x.shape).astype(np.float32) for x in leaves]
    return jax.tree.unflatten(form, moved)


def tensors(corruption):
    """A corruption of cu_jax as PyTorch's peers take it."""
    import torch

    if hasattr(corruption, "gamma"):
        chosen = (corruption.mask, corruption.gamma, corruption.noise, corruption.veil)
        arrays = (np.asarray(x) for x in chosen)
        return tuple(torch.tensor(x.transpose(0, 3, 1, 2) if x.ndim == 4 else x) for x in arrays)
    keep = torch.tensor(np.asarray(corruption.keep)).long()
    if hasattr(corruption, "masked"):
        return keep, torch.tensor(np.asarray(corruption.masked)) > 0
    return (keep,)


def draws(maker, key):
    """What an update with this key draws: both corruptions, and the noise pictures' inputs."""
    import torch

    model = maker.model
    retain, _ = jax.random.split(jax.random.fold_in(key, 0))
    forget, noise = jax.random.split(jax.random.fold_in(key, 1))
    forget, _ = jax.random.split(forget)
    corruptions = [tensors(model.corrupt(one, BATCH)) for one in (retain, forget)]
    if model.noise_pool:
        chosen = jax.random.randint(noise, (BATCH,), 0, model.noise_pool)
        return *corruptions, torch.tensor(np.asarray(maker.frozen["noise"][chosen]))
    pictures = noise_pictures(maker.loss, model, noise, BATCH)
    return *corruptions, torch.tensor(np.asarray(pictures).transpose(0, 3, 1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("name", NARROW)
def test_a_step_of_pytorch_is_ours(name, pytestconfig):
    import peers
    import steps
    import torch
    from jax_step import Maker
    from torch_step import Objectives, Step, pictures

    config = steps.load_config(str(pytestconfig.rootpath / name))
    config.model.update(NARROW[name])
    config.batch_size = BATCH
    maker = Maker(config)
    maker.params = shaken(maker.params, 0)
    batches = [pictures(BATCH, maker.model.image_shape, seed) for seed in (0, 1)]
    ours = maker.make("ours", *(x.permute(0, 2, 3, 1).numpy() for x in batches))
    state = jax.tree.unflatten(ours.form, ours.state)
    student = shaken(state.params, 1)
    knobs = state.knobs | {"epsilon": jnp.float32(EPSILON)}
    ours.state = jax.tree.leaves(state.replace(params=student, knobs=knobs))

    peer, module = peers.build(config.model, maker.params)
    objectives = Objectives(peer, module)
    whole = maker.model.merge(student, maker.model.split(maker.params)[1])
    peers.load(module, peers.published(config.model, whole))
    step = Step(objectives, config.pareto, epsilon=EPSILON)
    key = jax.random.fold_in(ours.arguments[-1], 0)
    *corruptions, noise = draws(maker, key)
    retain_loss, forget_loss, multiplier = step(*batches, *corruptions, noise)

    scalars = jax.device_get(ours())
    assert scalars["multiplier"] > 0 and scalars["retain_loss"] > 1e-3
    np.testing.assert_allclose(retain_loss, scalars["retain_loss"], **CLOSE)
    np.testing.assert_allclose(forget_loss, scalars["forget_loss"], **CLOSE)
    np.testing.assert_allclose(multiplier, scalars["multiplier"], **CLOSE)

    moved = jax.tree.unflatten(ours.form, ours.state).params
    whole = maker.model.merge(moved, maker.model.split(maker.params)[1])
    theirs, expected = dict(module.named_parameters()), peers.published(config.model, whole)
    largest = max(float(param.grad.abs().max()) for param in theirs.values())
    rate = config.pareto.optimizer.learning_rate
    compared = 0
    for key, param in theirs.items():
        # Adam's first step is the direction's sign: where that is rounding alone, so is the step.
        certain = param.grad.abs() > 1e-4 * largest
        difference = (param.detach() - expected[key])[certain]
        assert difference.abs().max() <= 1e-2 * rate if certain.any() else True, key
        compared += int(certain.sum())
    assert compared > 0.5 * sum(param.numel() for param in theirs.values())
    assert torch.isfinite(multiplier)
