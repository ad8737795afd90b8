"""t-SNE of what a network sees in the pictures, before and after unlearning."""

import dataclasses
import math
import zipfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cu_jax import bounded
from cu_jax.report import palette
from cu_jax.report.comparison.frame import head
from cu_jax.report.palette import BLUE, VERMILLION

FILE_NAME = "embeddings.npz"
PERPLEXITY = 20.0
# Of each set: t-SNE's time grows faster than its points, and more are not told apart by eye.
_MOST = 200
_COLORS = {"retain": BLUE, "forget": VERMILLION}


@dataclasses.dataclass(frozen=True)
class Embedding:
    """Features of the same pictures before and after unlearning.

    Attributes:
        network: Whose features.
        seed: Of the run.
        label: What people call the unlearned solution.
        sets: `retain_original`, `forget_original` (uncorrupted), `retain_before`, `forget_before`
            (restored by the original model), `retain_after`, `forget_after`: float32 ``[n, d]``.

    Example:
        >>> Embedding("clip", 0, "control 0.5", {}).network
        'clip'
    """

    network: str
    seed: int
    label: str
    sets: dict[str, np.ndarray]


def read_embedding(
    workdir: Path, seeds: tuple[int, ...], name: str, label: str
) -> Embedding | None:
    """Reads the embeddings of the original model and of one solution from the first seed with both.

    Args:
        workdir: The folder of a comparison.
        seeds: Where to look, in this order.
        name: The solution's name.
        label: What people call it.

    Returns:
        At most 200 pictures of each set, drawn evenly; None where no seed has both files.

    Raises:
        ValueError: A file does not hold the arrays, or the two are of different networks.

    Example:
        >>> read_embedding(Path("no/such/folder"), (0,), "control_0.5", "control 0.5")
    """
    for seed in seeds:
        folder = workdir / f"seed_{seed}" / "solutions"
        paths = {key: folder / which / FILE_NAME
                 for key, which in (("before", "original"), ("after", name))}  # fmt: skip
        if not all(path.is_file() for path in paths.values()):
            continue
        arrays = {key: _read(path) for key, path in paths.items()}
        networks = {key: str(found["network"]) for key, found in arrays.items()}
        if networks["before"] != networks["after"]:
            raise ValueError(
                f"Both {FILE_NAME} of {folder} must be of one network, got {networks['before']!r} "
                f"and {networks['after']!r}: evaluate both solutions again."
            )
        sets = {}
        for kind in _COLORS:
            sets[f"{kind}_original"] = arrays["after"][f"{kind}_original"]
            for key, found in arrays.items():
                sets[f"{kind}_{key}"] = found[kind]
        return Embedding(networks["after"], seed, label, {k: _spread(v) for k, v in sets.items()})
    return None


def places(embedding: Embedding) -> dict[str, np.ndarray]:
    """Places of all pictures in one plane, by t-SNE of all sets together.

    Args:
        embedding: The features.

    Returns:
        Name of the set to float ``[n, 2]``; the same features give the same places.

    Raises:
        ImportError: scikit-learn is not installed; the sentence says how to install it.
        ValueError: There are too few pictures for the perplexity of 20.

    Note:
        One map for all sets, so that both panels share their places; it is started from the two
        principal components. Distances between far clusters mean nothing in it.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> sets = {"retain_before": rng.normal(size=(40, 3)), "forget_before": np.ones((4, 3))}
        >>> [where.shape for where in places(Embedding("n", 0, "l", sets)).values()]
        [(40, 2), (4, 2)]

    References:
        Van der Maaten and Hinton, Visualizing data using t-SNE, 2008.
    """
    try:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ImportError(
            'The t-SNE needs scikit-learn, which is not installed: pip install "cu-jax[compare]".'
        ) from error
    features = np.concatenate(list(embedding.sets.values())).astype(np.float32)
    if len(features) <= 2 * PERPLEXITY:
        raise ValueError(
            f"The t-SNE needs more than {2 * PERPLEXITY:g} pictures in all, got {len(features)}: "
            "evaluate with more pictures."
        )
    tsne = TSNE(perplexity=PERPLEXITY, init="pca", random_state=0)
    # Sums of one thread have one order; and several threads wait for each other longer than they
    # work where other programs share the processor.
    with threadpool_limits(1):
        where = tsne.fit_transform(features)
    ends = np.cumsum([len(array) for array in embedding.sets.values()])
    parts = np.split(np.asarray(where, np.float64), ends[:-1])
    return dict(zip(embedding.sets, parts, strict=True))


def embedding_figure(embedding: Embedding, where: dict[str, np.ndarray]) -> Figure:
    """Draws two panels of one map: what the original model restores, and what the solution does.

    Args:
        embedding: The features.
        where: What `places` returned.

    Returns:
        A figure 12 inches wide; gray rings are the uncorrupted pictures, the same in both.

    Example:
        >>> sets = {f"{kind}_{which}": np.zeros((2, 2)) for kind in ("retain", "forget")
        ...         for which in ("original", "before", "after")}
        >>> len(embedding_figure(Embedding("clip", 0, "control 0.5", sets), sets).axes)
        2
    """
    everything = np.concatenate(list(where.values()))
    low, high = everything.min(axis=0), everything.max(axis=0)
    margin = 0.05 * np.maximum(high - low, 1e-9)
    with palette.style():
        figure = palette.new_figure(12.0, 6.9)
        head(
            figure,
            "What a network sees in the pictures",
            f"t-SNE of {embedding.network} features, seed {embedding.seed}, perplexity "
            f"{PERPLEXITY:g}, one map for both panels. Neighbors are alike; far distances mean "
            "nothing.",
        )
        panels = {"before": "the original model", "after": embedding.label}
        for left, (which, title) in zip((0.02, 0.515), panels.items(), strict=True):
            axes = figure.add_axes((left, 0.09, 0.465, 0.735))
            axes.set_title(f"Restored by {title}", parse_math=False)
            axes.set(xlim=(low[0] - margin[0], high[0] + margin[0]), xticks=[], yticks=[])
            axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
            axes.spines[["top", "right"]].set_visible(True)
            for kind, color in _COLORS.items():
                axes.plot(*where[f"{kind}_original"].T, "o" if kind == "retain" else "s", ms=5,
                          mfc="none", mec=color, mew=0.7, alpha=0.45)  # fmt: skip
            for kind, color in _COLORS.items():
                axes.plot(*where[f"{kind}_{which}"].T, "o" if kind == "retain" else "s", ms=5,
                          color=color, mec="white", mew=0.4, alpha=0.9)  # fmt: skip
        figure.legend(handles=_legend(), loc="lower left", ncols=4, bbox_to_anchor=(0.012, 0.005))
    return figure


def _legend() -> list[Line2D]:
    entries = []
    for kind, color in _COLORS.items():
        marker = "o" if kind == "retain" else "s"
        entries += [
            Line2D([], [], ls="none", marker=marker, mfc="none", mec=color, ms=7,
                   label=f"{kind}, uncorrupted"),
            Line2D([], [], ls="none", marker=marker, color=color, mec="white", ms=7,
                   label=f"{kind}, restored"),
        ]  # fmt: skip
    return entries


def _read(path: Path) -> dict[str, np.ndarray]:
    names = ["network", *(f"{kind}{end}" for kind in _COLORS for end in ("", "_original"))]
    try:
        bounded.check_unpacked(path)
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in names}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(
            f"{path} must hold NumPy arrays called {', '.join(names)} ({error}): remove it to "
            "leave the t-SNE out."
        ) from error
    features = [array for name, array in found.items() if name != "network"]
    if not all(a.ndim == 2 and len(a) and np.isfinite(a).all() for a in features):
        raise ValueError(
            f"{path} must hold features [n, d] of finite numbers, and it holds others: remove it "
            "to leave the t-SNE out."
        )
    return found


def _spread(features: np.ndarray) -> np.ndarray:
    """At most so many rows, evenly over all of them, since neighbors are of one class."""
    step = max(math.ceil(len(features) / _MOST), 1)
    return features[::step]
