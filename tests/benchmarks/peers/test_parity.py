"""What the benchmarks time is the same step: equal losses, multiplier and parameters.

Needs PyTorch; without it these tests are errors. Leave them out with -m 'not torch'.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cu_jax.methods.frozen import noise_pictures

pytestmark = pytest.mark.torch
CLOSE = dict(rtol=2e-5)
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


def draws(setting, key):
    """What an update with this key draws: both corruptions, and the noise pictures' inputs."""
    import torch

    model = setting.model
    retain, _ = jax.random.split(jax.random.fold_in(key, 0))
    forget, noise = jax.random.split(jax.random.fold_in(key, 1))
    forget, _ = jax.random.split(forget)
    corruptions = [tensors(model.corrupt(one, BATCH)) for one in (retain, forget)]
    if model.noise_pool:
        chosen = jax.random.randint(noise, (BATCH,), 0, model.noise_pool)
        return *corruptions, torch.tensor(np.asarray(setting.frozen["noise"][chosen]))
    pictures = noise_pictures(setting.loss, model, noise, BATCH)
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
    maker = Maker(config, shaken(Maker(config).setting.teacher, 0))
    setting = maker.setting
    batches = [pictures(BATCH, setting.model.image_shape, seed) for seed in (0, 1)]
    ours = maker.make("ours", *(x.permute(0, 2, 3, 1).numpy() for x in batches))
    state = jax.tree.unflatten(ours.form, ours.state)
    student = shaken(state.params, 1)
    knobs = state.knobs | {"epsilon": jnp.float32(EPSILON)}
    ours.state = jax.tree.leaves(state.replace(params=student, knobs=knobs))

    peer, module = peers.build(config.model, setting.teacher)
    objectives = Objectives(peer, module)
    whole = setting.model.merge(student, setting.model.split(setting.teacher)[1])
    peers.load(module, peers.published(config.model, whole))
    step = Step(objectives, config.pareto, epsilon=EPSILON)
    key = jax.random.fold_in(ours.arguments[-1], 0)
    *corruptions, noise = draws(setting, key)
    retain_loss, forget_loss, multiplier = step(*batches, *corruptions, noise)

    scalars = jax.device_get(ours())
    assert scalars["multiplier"] > 0 and scalars["retain_loss"] > 1e-3
    np.testing.assert_allclose(retain_loss, scalars["retain_loss"], **CLOSE)
    np.testing.assert_allclose(forget_loss, scalars["forget_loss"], **CLOSE)
    np.testing.assert_allclose(multiplier, scalars["multiplier"], **CLOSE)

    def named(encoder):
        whole = setting.model.merge(encoder, setting.model.split(setting.teacher)[1])
        return peers.published(config.model, whole)

    state, theirs = jax.tree.unflatten(ours.form, ours.state), dict(module.named_parameters())
    # After one step Adam's first moment is the direction times 1 - b1.
    rule = config.pareto.optimizer
    moment, moved = named(optax.tree.get(state.opt_state, "mu")), named(state.params)
    expected = torch.cat([moment[key].flatten() for key in theirs]) / (1 - rule.b1)
    found = torch.cat([param.grad.flatten() for param in theirs.values()])
    assert (found - expected).norm() < 2e-5 * expected.norm()
    # Its step is the direction's sign: where that is rounding alone, so is the step.
    certain = expected.abs() > 1e-4 * expected.abs().max()
    assert certain.float().mean() > 0.5
    arrived = (torch.cat([x[key].detach().flatten() for key in theirs]) for x in (theirs, moved))
    assert (next(arrived) - next(arrived))[certain].abs().max() < 1e-2 * rule.learning_rate


@pytest.mark.slow
def test_pictures_sampled_by_pytorch_are_ours(pytestconfig):
    import peers
    import sampling
    import steps
    import torch
    from unet import Unet

    from cu_jax.corruptions import center_hole
    from cu_jax.models import MODELS
    from cu_jax.models.diffusion import fresh_noise

    name = "configs/palette_imagenet.py"
    config = steps.load_config(str(pytestconfig.rootpath / name))
    config.model.update(NARROW[name])
    model = MODELS["palette"](config.model)
    params = shaken(jax.jit(model.init)(jax.random.key(0)), 0)
    unet = peers.load(Unet(config.model), peers.published(config.model, params))
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    mask, keys = center_hole(16, 8), jax.random.split(jax.random.key(1), 2)
    expected = jax.jit(lambda p, x: model.restore(p, x, mask, keys))(params, images)

    def noise(index):
        drawn = fresh_noise(keys, jnp.asarray(index), images.shape)
        return torch.tensor(np.asarray(drawn).transpose(0, 3, 1, 2))

    visible, hole = (torch.from_numpy(x.transpose(0, 3, 1, 2)) for x in (images, mask[None]))
    found = sampling.sample(unet, visible, hole, model.plan, noise).permute(0, 2, 3, 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(np.asarray(expected) - images).max() > 0.1


@pytest.mark.slow
def test_features_of_pytorch_are_ours():
    import features
    import torch

    from cu_jax.metrics.inception import init, see

    params = shaken(jax.jit(init)(jax.random.key(0)), 0)
    images = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    expected = jax.jit(see)(params, images)
    module = features.peer(params)
    with torch.inference_mode():
        found = module(torch.from_numpy(images.transpose(0, 3, 1, 2)))
    for ours, theirs in zip(expected, found, strict=True):
        scale = float(np.abs(ours).max())
        assert scale > 0 and np.abs(np.asarray(ours) - theirs.numpy()).max() < 1e-4 * scale
