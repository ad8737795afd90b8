"""The pictures: data sets, the manifest of who is in which set, batches."""

from cu_jax.data.collection import BadPicture, Collection
from cu_jax.data.datasets import DATASETS, Data, open_data
from cu_jax.data.manifest import SETS, SPLITS, Manifest, Record, build_manifest
from cu_jax.data.pipeline import AUGMENTATIONS, RANDOM_CROP, evaluation_batches, training_iterator
from cu_jax.data.preparation import default_data_dir
from cu_jax.data.proxy import with_proxy
from cu_jax.data.sources import EncodedSource, InputSource, MemorySource, Source
from cu_jax.data.statistics import pixel_statistics

__all__ = [
    "AUGMENTATIONS",
    "DATASETS",
    "RANDOM_CROP",
    "SETS",
    "SPLITS",
    "BadPicture",
    "Collection",
    "Data",
    "EncodedSource",
    "InputSource",
    "Manifest",
    "MemorySource",
    "Record",
    "Source",
    "build_manifest",
    "default_data_dir",
    "evaluation_batches",
    "open_data",
    "pixel_statistics",
    "training_iterator",
    "with_proxy",
]
