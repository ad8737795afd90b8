"""Weights in and out: our files, those that ship with us, and published ones."""

from cu_jax.convert.exchange import MODEL_FORMAT
from cu_jax.convert.sources import TOKENIZER, model_weights, tokenizer_alone
from cu_jax.convert.weights import load_weights, packaged_weights, read_metadata, save_weights

__all__ = [
    "MODEL_FORMAT",
    "TOKENIZER",
    "load_weights",
    "model_weights",
    "packaged_weights",
    "read_metadata",
    "save_weights",
    "tokenizer_alone",
]
