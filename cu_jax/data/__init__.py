"""The pictures: data sets, the manifest of who is in which set, batches."""

from cu_jax.data.manifest import SETS, SPLITS, Manifest, Record, build_manifest
from cu_jax.data.pipeline import AUGMENTATIONS, evaluation_batches, training_iterator
from cu_jax.data.preparation import Picture, Pictures, default_data_dir
from cu_jax.data.sources import DATASETS, Data, MemorySource, Source, StoredSource, open_data

__all__ = [
    "AUGMENTATIONS",
    "DATASETS",
    "SETS",
    "SPLITS",
    "Data",
    "Manifest",
    "MemorySource",
    "Picture",
    "Pictures",
    "Record",
    "Source",
    "StoredSource",
    "build_manifest",
    "default_data_dir",
    "evaluation_batches",
    "open_data",
    "training_iterator",
]
