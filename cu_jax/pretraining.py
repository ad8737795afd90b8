"""Where the original model comes from: weights that ship, or the stages that make them."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from cu_jax import convert, metrics, sharding, training
from cu_jax.fingerprints import StageRecord, settings_of
from cu_jax.methods import Batch, Method, pretrain, retrain, supervised
from cu_jax.models import Model, Params, Pretrained
from cu_jax.processes import is_first
from cu_jax.training import Runner, Stage
from cu_jax.workdir import save_record


def original_model(
    config: ConfigDict, model: Model, runner: Runner, stages: dict[str, float]
) -> tuple[Params, Params | None]:
    """The original model θ0 and the classifier that judges its pictures.

    Args:
        config: the whole config; ``pretrain`` names weights of the package or on disk and
            ``classifier`` weights of the package, or with ``pretrain.from_scratch`` both say how
            to make them, and ``tokenizer`` how to make or where to find the part that some models
            have. ``classifier.weights`` may be empty: then there is no classifier.
        model: the model.
        runner: what the loop needs.
        stages: seconds of each stage, added to.

    Returns:
        Parameters of both, None without a classifier. Those made here are also written to
        ``<workdir>/weights/``.

    Raises:
        FileNotFoundError: if there are no weights at the path that ``pretrain`` names.
        ValueError: if the weights do not fit the model.
    """
    if not config.pretrain.from_scratch:
        weights, settings = config.pretrain.weights, config.model.to_dict()
        original = _read(weights, "config.pretrain.weights", model, settings)
        return original, _packaged_classifier(config.classifier.weights)

    with_tokenizer = model.tokenizer is not None and config.tokenizer.steps > 0
    names = ["tokenizer"] * with_tokenizer + ["pretrain"]
    names += ["classifier"] * bool(config.classifier.weights)
    for name in names:
        made = config[name].weights
        if not made or os.path.basename(made) != made:
            other = ", or give config.tokenizer.steps=0 to read it" if name == "tokenizer" else ""
            raise ValueError(
                f"config.{name}.weights must be a plain name when they are made from scratch, got "
                f"{made!r}: give a name without a folder{other}."
            )
    made_names = [config[name].weights for name in names]
    if len(set(made_names)) < len(names):
        raise ValueError(
            "Weights that are made from scratch must have names of their own, got "
            f"{', '.join(made_names)} for {', '.join(names)}: change config.{names[0]}.weights."
        )

    def trained(name: str, method: Method, init: Callable[[jax.Array], Params]) -> Params:
        params, stages[name] = _trained(config, name, name, method, init, runner)
        made_by = f"stage {name}, seed {config.seed}, {config[name].steps} steps"
        _save_weights(runner, config[name].weights, params, made_by)
        return params

    def initial(key: jax.Array) -> Params:
        return model.init(key) | tokenizer

    tokenizer = {}
    if model.tokenizer is not None:
        if with_tokenizer:
            method = pretrain(config.tokenizer, model.tokenizer)
            made = trained("tokenizer", method, model.tokenizer.init)
        else:
            weights, settings = config.tokenizer.weights, config.model.tokenizer.to_dict()
            made = _read(weights, "config.tokenizer.weights", model.tokenizer, settings)
        tokenizer = {"tokenizer": jax.tree.map(jnp.asarray, made)}
    original = trained("pretrain", pretrain(config.pretrain, model), initial)
    if not config.classifier.weights:
        return original, None
    classifier = supervised(config.classifier, _reading_loss)
    return original, trained("classifier", classifier, metrics.classifier.init)


def _read(weights: str, where: str, model: Pretrained, settings: dict[str, Any]) -> Params:
    """The weights of a model that a setting, ``where``, names."""
    template = jax.eval_shape(model.init, jax.random.key(0))
    with convert.model_weights(weights, settings, where) as path:
        params = convert.load_weights(path, template)
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params)):
            raise ValueError(
                f"Weights must be finite, and those that {where} names, {path}, hold NaN or "
                "infinity: give others."
            )
        return params


def retrained(config: ConfigDict, model: Model, runner: Runner) -> tuple[Params, float]:
    """A model made as the original was, from the same start, without the pictures to forget.

    The oracle: unlearning tries to end where this does, at a fraction of its cost. Each picture to
    retain is seen as often as in the original's pretraining; a tokenizer is made anew too.

    Args:
        config: the whole config, with the settings of ``pretrain`` and ``tokenizer``, and weights
            that are read instead, ``baselines.retrain_weights``; with ``pretrain.from_scratch``
            they are made under this name.
        model: the model.
        runner: what the loop needs.

    Returns:
        Parameters, and the seconds of its stages.

    Raises:
        FileNotFoundError: if there are no weights at the path that the config names.
        ValueError: if the config does not say how the original was made.
    """
    check_retraining(config, model)
    weights = config.baselines.retrain_weights
    if weights and not config.pretrain.from_scratch:
        return read_retrained(config, model), 0.0

    def trained(name: str, section: str, part: Pretrained, init: Any) -> tuple[Params, float]:
        method = retrain(config[section], part)
        return _trained(config, name, section, method, init, runner)

    tokenizer, seconds = {}, 0.0
    if model.tokenizer is not None:
        made, seconds = trained(
            "retrain_tokenizer", "tokenizer", model.tokenizer, model.tokenizer.init
        )
        tokenizer = {"tokenizer": jax.tree.map(jnp.asarray, made)}
    params, more = trained("retrain", "pretrain", model, lambda key: model.init(key) | tokenizer)
    if weights:
        made_by = f"stage retrain, seed {config.seed}, {config.pretrain.steps} steps"
        _save_weights(runner, weights, params, made_by)
    return params, seconds + more


def read_retrained(config: ConfigDict, model: Model) -> Params:
    """The weights of a model that was made without the forget set, which the config names.

    Raises:
        FileNotFoundError: if there are no weights at the path.
        ValueError: if they do not fit the model.
    """
    where = "config.baselines.retrain_weights"
    return _read(config.baselines.retrain_weights, where, model, config.model.to_dict())


def check_retraining(config: ConfigDict, model: Model) -> None:
    """Refuses to retrain where the config does not say how the original was made.

    Raises:
        ValueError: there are no steps of pretraining, and no weights.
    """
    if config.baselines.retrain_weights and not config.pretrain.from_scratch:
        return
    for section in ("pretrain", *(["tokenizer"] if model.tokenizer is not None else [])):
        if config[section].steps < 1:
            raise ValueError(
                f"The method retrain must know how the original was made, and config.{section}."
                f"steps is {config[section].steps}: leave the method out, or give the steps."
            )


def _trained(
    config: ConfigDict,
    name: str,
    section: str,
    method: Method,
    init: Callable[[jax.Array], Params],
    runner: Runner,
) -> tuple[Params, float]:
    """Runs a stage from fresh parameters, with the settings of a section of the config.

    Those of the same section begin alike, whatever the stage.

    Returns:
        All of the parameters, and seconds.
    """
    given = config[section]
    start = init(training.stage_key(config.seed, f"{section}/init"))
    step = training.compile_step(method, runner.mesh)
    record = StageRecord(name, None, given.steps, None, {}, settings_of(config, name))
    save_record(runner.workdir, name, record)
    fresh = partial(method.init, start, steps=given.steps)
    stage = Stage(name, step, fresh, given.steps, given.batch_size, given.augment)
    trained, seconds = training.run_stage(runner, stage)
    return method.merge(trained, method.trainable(start)[1]), seconds


def _save_weights(runner: Runner, name: str, params: Params, made_by: str) -> None:
    """Writes what was made from scratch, for other runs."""
    folder = runner.workdir / "weights"
    folder.mkdir(exist_ok=True)
    weights = sharding.on_host(params)
    if is_first():
        convert.save_weights(folder / f"{name}.safetensors", weights, {"made_by": made_by})


def _reading_loss(params: Params, batch: Batch, key: jax.Array) -> jax.Array:
    del key
    return metrics.cross_entropy(params, batch["image"] / jnp.float32(255), batch["label"])


def _packaged_classifier(name: str) -> Params | None:
    if not name:
        return None
    shapes = jax.eval_shape(metrics.classifier.init, jax.random.key(0))
    with convert.packaged_weights(name) as path:
        return convert.load_weights(path, shapes)
