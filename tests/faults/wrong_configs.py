"""Config files, and settings that do not fit each other."""

from faulty import MAIN, RUN, Case, config, write

OWN = f"main --config=own.py {RUN}"


def _set(id, did, setting, sentence):
    return Case(id, did, f"{MAIN} --config.{setting}", sentence)


def _written(id, did, text, sentence):
    return Case(id, did, OWN, sentence, lambda: write("own.py", text))


CASES = (
    Case(
        "no_file",
        "misspelt the config file",
        f"main --config=configs/mae_mnst.py {RUN}",
        "mae_mnst.py",
    ),
    Case("folder", "gave a folder for a config file", f"main --config=configs {RUN}", "configs"),
    _written(
        "no_function",
        "wrote a config file without get_config",
        "config = {}\n",
        "must define get_config()",
    ),
    _written(
        "syntax", "wrote a config file with a mistake of syntax", "def get_config(:\n", "syntax"
    ),
    _written(
        "import",
        "wrote a config file that imports what there is not",
        "import nothing_here\n",
        "nothing_here",
    ),
    _written(
        "raises",
        "wrote a config file that fails",
        "def get_config():\n    return 1 / 0\n",
        "division by zero",
    ),
    _written(
        "dict",
        "returned a dict from get_config",
        "def get_config():\n    return {'name': 'x'}\n",
        "ConfigDict",
    ),
    _written(
        "returns_none", "forgot return in get_config", "def get_config():\n    pass\n", "return"
    ),
    Case(
        "deleted",
        "deleted a section in the config file",
        OWN,
        "pareto",
        lambda: config("own.py", "del config.pareto"),
    ),
    Case(
        "text_for_section",
        "put a text in place of a section",
        OWN,
        "pareto",
        lambda: config("own.py", "config.unlock(); config._fields['pareto'] = 'fast'"),
    ),
    Case(
        "not_text",
        "wrote a config that is no text",
        OWN,
        "null bytes",
        lambda: write("own.py", b"\xff\xfe\x00\x01"),
    ),
    _set("model", "named no known model", "model.name=vae", "must be one of"),
    _set(
        "other_model",
        "named a model whose settings the config has not",
        "model.name=mage",
        "none can be built",
    ),
    _set("data_set", "named no known data set", "data.name=mnist", "mnist5k"),
    _set("heads", "gave heads that do not divide the width", "model.encoder_heads=5", "5"),
    _set(
        "patches",
        "gave patches that do not divide the picture",
        "model.patch_size=5",
        "multiple of patch_size",
    ),
    _set("dtype", "named no known dtype", "model.dtype=float16", "float32"),
    _set(
        "two_requests",
        "gave a control and an ε",
        "control=0.5 --config.epsilon=0.7",
        "leave one out",
    ),
    _set("control", "gave a control in percent", "control=25.0", "must lie in [0, 1]"),
    _set("epsilon", "asked for a negative ε", "epsilon=-0.5", "epsilon"),
    _set("same_controls", "gave a control twice", "controls='(0.5, 0.5)'", "must differ"),
    _set("no_steps", "gave no steps", "boundary.steps=0", "raise one"),
    _set("batch", "gave a batch larger than a set", "batch_size=3000", "1 to 2000"),
    _set(
        "microbatches",
        "gave microbatches that do not divide the batch",
        "pareto.microbatches=5",
        "divide",
    ),
    _set("beta", "gave a negative beta", "pareto.beta=-1.0", "greater than 0"),
    _set(
        "rate",
        "gave a negative learning rate",
        "pareto.optimizer.learning_rate=-0.001",
        "learning_rate",
    ),
    _set(
        "rate_nan",
        "gave a learning rate that is no number",
        "boundary.optimizer.learning_rate=nan",
        "learning_rate",
    ),
    _set("decay", "gave a momentum of 1", "boundary.optimizer.b1=1.0", "b1"),
    _set(
        "optimizer",
        "named no known optimizer",
        "pareto.optimizer.name=lion",
        "optimizer.name must be one of",
    ),
    _set("schedule", "named no known schedule", "pareto.optimizer.schedule=step", "schedule"),
    _set("clip", "clipped at zero", "pareto.clip=0.0", "clip"),
    _set(
        "alphas",
        "gave a negative weight of the composite loss",
        "composite_alphas='(-0.1,)'",
        "greater than 0",
    ),
    _set("baselines", "named no known baseline", "baselines.methods=retrian", "retrian"),
    _set("holes", "evaluated a hole of no kind", "evaluation.holes=centre:12", "centre:12"),
    _set("augmentation", "named no known augmentation", "data.augment=flip", "flip"),
    _set("evaluated", "evaluated no picture at once", "evaluation.batch_size=0", "at least 1"),
    _set("seed", "gave a negative seed", "seed=-1", "seed"),
    _set("mask_ratio", "masked everything", "model.mask_ratio=1.0", "mask_ratio"),
    _set(
        "statistics", "gave three means for gray pictures", "model.mean='(0.5, 0.5, 0.5)'", "mean"
    ),
    _set("std", "gave a deviation of zero", "model.std='(0.0,)'", "std"),
)
