"""What of an experiment is refused before its first stage: settings, and settings with pictures."""

import jax
import numpy as np
from ml_collections import ConfigDict

from cu_jax import config as settings
from cu_jax import metrics, sharding
from cu_jax.data import Data, training_iterator, with_proxy
from cu_jax.holes import NamedHole, parse_holes
from cu_jax.models import MODELS, Model
from cu_jax.pretraining import check_retraining
from cu_jax.references import check_legacy
from cu_jax.restoring import check_mask
from cu_jax.stages import baseline_names, loss_config, stage_methods


def checked_settings(config: ConfigDict) -> tuple[Model, list[NamedHole]]:
    """Refuses what can be refused of settings alone, before any folder is made.

    Args:
        config: the settings.

    Returns:
        The model and the evaluation's holes.

    Raises:
        ValueError: for settings that cannot be used.
    """
    settings.validate(config)
    model = _model(config)
    holes = _holes(config, model)
    loss = loss_config(
        config, *np.zeros((2, model.image_shape[-1])).tolist()
    )  # stand in for what is not known yet
    stage_methods(config, loss, model, None)
    return model, holes


def _model(config: ConfigDict) -> Model:
    name = config.model.name
    try:
        return MODELS[name](config.model)
    except (TypeError, KeyError) as error:
        raise ValueError(
            f"config.model must have the settings of a model {name!r}, but none can be built from "
            f"it ({error}): start from a config of that model."
        ) from error


def _holes(config: ConfigDict, model: Model) -> list[NamedHole]:
    """The evaluation's holes, and refuses what the evaluation would refuse of model and config."""
    holes = parse_holes(config.evaluation.holes, model.image_shape[0], model.patch_size)
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    for hole in holes:
        check_mask(model, shapes, hole.mask)
    if config.classifier.weights and model.image_shape != metrics.classifier.IMAGE_SHAPE:
        raise ValueError(
            f"The classifier reads {metrics.classifier.IMAGE_SHAPE} pictures of digits alone, and "
            f"the model's are {model.image_shape}: leave config.classifier.weights empty."
        )
    return holes


def check_data(config: ConfigDict, data: Data, model: Model) -> None:
    """Refuses, before the first stage, what this or a later one would refuse of the pictures.

    Args:
        config: the settings.
        data: both sets.
        model: the model.

    Raises:
        ValueError: for pictures that cannot be used as the settings say.
    """
    if data.image_shape != model.image_shape:
        raise ValueError(
            f"The model's pictures must be the data's {data.image_shape}, got "
            f"{model.image_shape}: change config.model."
        )
    if "retrain" in baseline_names(config):
        check_retraining(config, model)
    if "composite_proxy" in baseline_names(config):
        with_proxy(data, config.data)
    if config.data.cache_tokens and model.tokenizer is None:
        raise ValueError(
            "config.data.cache_tokens must be False for a model that reads no tokens, got "
            f"{config.model.name}: leave it out."
        )
    check_legacy(data, config.evaluation.legacy_reference)
    training_iterator(
        data, batch_size=config.batch_size, seed=config.seed, augment=config.data.augment
    )
    sharding.check_batch(sharding.make_mesh(config.mesh.fsdp), config.batch_size)
