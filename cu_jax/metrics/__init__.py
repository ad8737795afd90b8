"""Measures of pictures, of sets of features, of a classifier's answers, and of the front."""

from cu_jax.front import (
    Stationarity,
    dominated,
    hypervolume,
    log_interpolate,
    stationarity,
)
from cu_jax.metrics import classifier
from cu_jax.metrics.classifier import DIGITS, DigitClassifier, class_consistency, cross_entropy
from cu_jax.metrics.feature_measures import feature_measures, mean_cosine
from cu_jax.metrics.frechet import Moments, frechet_distance, moments
from cu_jax.metrics.inception import INCEPTION
from cu_jax.metrics.inception_score import InceptionScore, inception_score
from cu_jax.metrics.kernel_distance import KernelDistance, kernel_distance
from cu_jax.metrics.networks import FeatureNetwork, Seen
from cu_jax.metrics.pictures import composite, hole_mse, psnr
from cu_jax.metrics.precision_recall import PrecisionRecall, precision_recall
from cu_jax.metrics.structure import ssim

__all__ = [
    "DIGITS",
    "INCEPTION",
    "DigitClassifier",
    "FeatureNetwork",
    "InceptionScore",
    "KernelDistance",
    "Moments",
    "PrecisionRecall",
    "Seen",
    "Stationarity",
    "class_consistency",
    "classifier",
    "composite",
    "cross_entropy",
    "dominated",
    "feature_measures",
    "frechet_distance",
    "hole_mse",
    "hypervolume",
    "inception_score",
    "kernel_distance",
    "log_interpolate",
    "mean_cosine",
    "moments",
    "precision_recall",
    "psnr",
    "ssim",
    "stationarity",
]
