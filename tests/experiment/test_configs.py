"""Every config builds, and its model initializes in the abstract."""

import jax
import numpy as np
import pytest

from cu_jax import config as settings
from cu_jax.data import open_data
from cu_jax.holes import parse_holes
from cu_jax.methods import METHODS, frozen_parts
from cu_jax.models import MODELS
from cu_jax.models.patches import touched_patches
from cu_jax.pretraining import original_model
from cu_jax.stages import stage_steps
from cu_jax.training import Runner


@pytest.mark.parametrize("name", ["mae_mnist", "vqgan_mnist", "palette_mnist"])
def test_the_digits_have_weights_of_their_models(config_of, name):
    config = config_of(name)
    settings.validate(config)
    model = MODELS[config.model.name](config.model)
    runner = object.__new__(Runner)  # packaged weights need nothing of it
    original, classifier = original_model(config, model, runner, {})
    assert classifier is not None
    wanted = jax.eval_shape(model.init, jax.random.key(0))
    assert jax.tree.structure(original) == jax.tree.structure(wanted)


@pytest.mark.parametrize(
    ("size", "millions"), [("base", 111.66), ("large", 329.24), ("huge", 656.61)]
)
def test_mae_imagenet_builds_the_published_models(config_of, size, millions):
    config = config_of("mae_imagenet", size)
    model = MODELS["mae"](config.model)
    params = jax.eval_shape(model.init, jax.random.key(0))
    count = sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(params))
    assert round(count / 1e6, 2) == millions
    assert stage_steps(config, "boundary", 100 * 100) == 2500
    assert config.pareto.optimizer.b2 == 0.95 and config.pareto.beta == 5


@pytest.mark.parametrize(("size", "millions"), [("base", 144.9), ("large", 407.79)])
def test_vqgan_imagenet_builds_the_published_models(config_of, size, millions):
    config = config_of("vqgan_imagenet", size)
    settings.validate(config)
    model = MODELS["mage"](config.model)
    params = jax.eval_shape(model.init, jax.random.key(0))
    own = params["decoder"]["mlm_layer"].pop("word_embeddings")  # which the published do not have
    assert own.shape == params["encoder"]["token_emb"]["word_embeddings"].shape
    parts = {
        name: sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(part)) / 1e6
        for name, part in params.items()
    }
    assert round(parts["tokenizer"], 1) == 54.5
    assert round(parts["encoder"] + parts["decoder"], 2) == millions
    assert stage_steps(config, "pareto", 100 * 100) == 1875
    for section in (config.boundary, config.pareto):
        assert section.optimizer.learning_rate == 5e-5 and section.optimizer.weight_decay == 0
    holes = parse_holes(config.evaluation.holes, 256, model.patch_size)
    for hole in holes:  # each leaves a token visible, with the margin around it
        hidden = touched_patches(hole.mask, model.patch_size, model.margin)
        assert 0 < hidden.sum() < hidden.size
    assert [int(hidden) for hidden in (holes[0].mask.sum(), holes[1].mask.sum())] == [64**2, 128**2]


@pytest.mark.parametrize(
    ("name", "pictures", "steps"),
    [("palette_places365", 225_000, 37_500), ("palette_imagenet", 10_000, 1_667)],
)
def test_palette_has_the_published_model_and_settings(config_of, name, pictures, steps):
    config = config_of(name)
    settings.validate(config)
    model = MODELS["palette"](config.model)
    params = jax.eval_shape(model.init, jax.random.key(0))
    counts = [sum(np.prod(x.shape) for x in jax.tree.leaves(part)) for part in model.split(params)]
    assert [round(count / 1e6, 2) for count in counts] == [25.04, 37.60]
    assert config.batch_size == 12 and config.data.augment is None
    for section in (config.boundary, config.pareto):
        rate = section.optimizer
        assert (rate.name, rate.learning_rate, rate.schedule) == ("adam", 5e-5, "constant")
        assert (rate.b1, rate.b2, section.clip) == (0.9, 0.999, None)
    assert stage_steps(config, "pareto", pictures) == steps
    holes = parse_holes(config.evaluation.holes, 256, model.patch_size)
    assert [int(hole.mask.sum()) for hole in holes[:2]] == [128**2, 64**2]


@pytest.mark.parametrize(("size", "pixels"), [("large", (64, 128)), ("huge", (56, 112))])
def test_mae_imagenet_is_evaluated_on_whole_patches(config_of, size, pixels):
    config = config_of("mae_imagenet", size)
    model = MODELS["mae"](config.model)
    holes = parse_holes(config.evaluation.holes, *model.image_shape[:1], model.patch_size)
    assert [hole.name for hole in holes] == [
        *(f"center{side}" for side in pixels),
        "outpaint50",
        "random75",
    ]
    patch = model.patch_size
    for hole in holes[:2]:
        touched = hole.mask.reshape(model.grid, patch, model.grid, patch)
        assert (touched.max((1, 3)) == touched.min((1, 3))).all()


def test_without_a_name_there_is_no_classifier(config_of):
    config = config_of("mae_mnist")
    model = MODELS["mae"](config.model)
    runner = object.__new__(Runner)  # packaged weights need nothing of it
    config.classifier.weights = ""
    original, classifier = original_model(config, model, runner, {})
    assert classifier is None and set(original) == {"encoder", "decoder"}
    config.pretrain.from_scratch = True
    config.classifier.steps = 0  # nothing is asked of a classifier that there is not
    settings.validate(config)


@pytest.mark.slow
def test_mae_imagenet_takes_one_step(config_of):
    """The paper's settings, with the model narrowed to a test's size."""
    config = config_of("mae_imagenet")
    config.model.update(image_size=32, encoder_width=16, encoder_depth=1, encoder_heads=2)
    config.model.update(decoder_width=16, decoder_depth=1, decoder_heads=2)
    model = MODELS["mae"](config.model)
    teacher = model.init(jax.random.key(0))
    chosen = dict(config.boundary) | dict(config.pareto)
    chosen |= dict(space="encoder", noise_mean=(0.5,) * 3, noise_std=(0.2,) * 3)
    chosen |= dict(phase="pareto", swap=False)
    chosen = type(config)(chosen)
    method = METHODS["controllable"](chosen, model, frozen_parts(chosen, model, teacher))
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    batch = {"image": pictures, "label": np.zeros(2, np.int32)}
    state = method.init(teacher, steps=10.0, epsilon=0.01)
    state, scalars = jax.jit(method.step)(state, batch, batch, jax.random.key(1))
    assert np.isfinite(float(scalars["forget_loss"])) and float(scalars["violation"]) > 0


MODEL_FILES = ("mae", "vqgan", "palette")


@pytest.mark.parametrize(
    "name", [f"{kind}_{data}" for kind in MODEL_FILES for data in ("imagenet", "places365")]
)
def test_what_is_not_prepared_is_asked_for_before_anything_else(config_of, tmp_path, name):
    config = config_of(name)
    settings.validate(config)
    config.data.data_dir = str(tmp_path / "data")
    with pytest.raises(FileNotFoundError, match=r"python -m cu_jax\.data\.prepare"):
        open_data(config.data, (224, 224, 3))
