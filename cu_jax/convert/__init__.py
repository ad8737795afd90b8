"""Weights in and out: parameter trees as safetensors files, and the files that ship with us."""

from cu_jax.convert.weights import load_weights, packaged_weights, read_metadata, save_weights

__all__ = ["load_weights", "packaged_weights", "read_metadata", "save_weights"]
