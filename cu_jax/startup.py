"""How JAX starts in our commands, quietly and keeping what it compiles, and how it compiles."""

import ctypes
import os
from pathlib import Path

import jax

EXACT = {"xla_allow_excess_precision": False}
"""Compiler options (``jax.jit``) of whatever compares student and teacher. Otherwise XLA leaves out
roundings to bfloat16 wherever its fusions allow, which differ between the student, whose gradient
is wanted, and the teacher: equal parameters would then not give equal features."""


def cache_folder() -> Path:
    """Where we keep what can be made again: ``cu_jax`` in the user's cache.

    Example:
        >>> cache_folder().name
        'cu_jax'
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cu_jax"


def start_jax() -> None:
    """Keeps compiled functions in the user's cache, and JAX silent about missing accelerators.

    Call it before the first array: what a backend has said or compiled before stays so.

    Example:
        >>> start_jax()
    """
    # Where there is no accelerator JAX says so on every start; nobody needs it.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def release_memory() -> None:
    """Gives memory that is not in use back to the system, where the C library can (glibc).

    Freed arrays stay with the allocator, in pieces that the next stage's do not fit into: with a
    ViT-B every stage would add a gigabyte.

    Example:
        >>> release_memory()
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
