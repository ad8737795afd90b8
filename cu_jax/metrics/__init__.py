"""Measures: pictures, a Fréchet distance, a digit classifier, and the trade-off front."""

from cu_jax.metrics import classifier
from cu_jax.metrics.classifier import DigitClassifier, class_consistency, cross_entropy
from cu_jax.metrics.frechet import Moments, frechet_distance, moments
from cu_jax.metrics.front import (
    Stationarity,
    dominated,
    hypervolume,
    log_interpolate,
    stationarity,
)
from cu_jax.metrics.pictures import composite, hole_mse, psnr

__all__ = [
    "DigitClassifier",
    "Moments",
    "Stationarity",
    "class_consistency",
    "classifier",
    "composite",
    "cross_entropy",
    "dominated",
    "frechet_distance",
    "hole_mse",
    "hypervolume",
    "log_interpolate",
    "moments",
    "psnr",
    "stationarity",
]
