"""Where the original model comes from: weights that ship, or the stages that make them."""

import os
from functools import partial

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from cu_jax import convert, metrics, training
from cu_jax.fingerprints import StageRecord, settings_of
from cu_jax.methods import METHODS, Batch, supervised
from cu_jax.models import Model, Params
from cu_jax.training import Runner, Stage
from cu_jax.workdir import save_record


def original_model(
    config: ConfigDict, model: Model, runner: Runner, stages: dict[str, float]
) -> tuple[Params, Params | None]:
    """The original model θ0 and the classifier that judges its pictures.

    Args:
        config: the whole config; ``pretrain`` names weights of the package or on disk and
            ``classifier`` weights of the package, or with ``pretrain.from_scratch`` both say how
            to make them. ``classifier.weights`` may be empty: then there is no classifier.
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
    template = jax.eval_shape(model.init, jax.random.key(0))
    if not config.pretrain.from_scratch:
        with convert.model_weights(config.pretrain.weights, dict(config.model)) as path:
            original = convert.load_weights(path, template)
        return original, _packaged_classifier(config.classifier.weights)

    names = ["pretrain", *(["classifier"] if config.classifier.weights else [])]
    for name in names:
        made = config[name].weights
        if os.path.basename(made) != made:
            raise ValueError(
                f"config.{name}.weights must be a plain name when they are made from scratch, got "
                f"{made!r}: leave out the folder."
            )

    def reading_loss(params: Params, batch: Batch, key: jax.Array) -> jax.Array:
        del key
        return metrics.cross_entropy(params, batch["image"] / jnp.float32(255), batch["label"])

    original = METHODS["pretrain"](config.pretrain, model, None)
    classifier = supervised(config.classifier, reading_loss)
    jobs = {
        "pretrain": (config.pretrain, original, model.init),
        "classifier": (config.classifier, classifier, metrics.classifier.init),
    }
    trained: dict[str, Params] = {}
    for name in names:
        section, method, init = jobs[name]
        start = init(training.stage_key(config.seed, f"{name}/init"))
        init = partial(method.init, start, steps=section.steps)
        step = training.compile_step(method, runner.mesh)
        record = StageRecord(name, None, section.steps, None, {}, settings_of(config, name))
        save_record(runner.workdir, name, record)
        stage = Stage(name, step, init, section.steps, section.batch_size, section.augment)
        params, stages[name] = training.run_stage(runner, stage)
        folder = runner.workdir / "weights"
        folder.mkdir(exist_ok=True)
        origin = {"made_by": f"stage {name}, seed {config.seed}, {section.steps} steps"}
        convert.save_weights(folder / f"{section.weights}.safetensors", params, origin)
        trained[name] = params
    return trained["pretrain"], trained.get("classifier")


def _packaged_classifier(name: str) -> Params | None:
    if not name:
        return None
    shapes = jax.eval_shape(metrics.classifier.init, jax.random.key(0))
    with convert.packaged_weights(name) as path:
        return convert.load_weights(path, shapes)
