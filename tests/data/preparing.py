"""Small preparations of ImageNet and Places365: the command's arguments, and what it made."""

from cu_jax.data.published.prepared import open_prepared

FEW = {"classes_per_set": 2, "train_per_class": 3, "validation_per_class": 2}
COUNTS = ["--classes=2", "--train=3", "--validation=2"]
DATASETS = {"imagenet": "cu_imagenet", "places365": "cu_places365"}


def command(family, originals, data_dir, *more):
    return [family, f"--from={originals}", f"--data-dir={data_dir}", *COUNTS, *more]


def opened(family, data_dir, split="paper"):
    return open_prepared(DATASETS[family], f"{split}_c2_t3_v2", data_dir)
