"""The pictures of a run, as its folder records them: listed, left out, and their statistics."""

from collections.abc import Sequence
from pathlib import Path

from cu_jax import bounded
from cu_jax.atomic import replacing
from cu_jax.data import Data, pixel_statistics
from cu_jax.workdir import read_json, write_json


def check_pictures(workdir: Path, data: Data, *, begun: bool, max_bad_fraction: float) -> None:
    """Writes ``manifest.json``, the pictures of both sets, and ``bad_pictures.json``.

    Args:
        workdir: the folder.
        data: both sets.
        begun: whether there are stages in it, which keep their pictures.
        max_bad_fraction: how large the share of pictures that were left out may be.

    Raises:
        ValueError: if the stages were run with other pictures, and nothing is written then; or if
            too many were left out, and they are listed all the same.
    """
    path, now = workdir / "manifest.json", data.manifest.hash
    old = read_json(path, bounded.MANIFEST) if begun else None
    if old is not None and old["hash"] != now:
        raise ValueError(
            f"The stages in {workdir} must keep their pictures, and the data set now has others "
            f"(manifest {now[:12]} instead of {old['hash'][:12]}): give another --workdir."
        )
    _check_bad_pictures(workdir, data, max_bad_fraction)
    del old  # large, where there are a million pictures
    with replacing(path) as temporary:
        temporary.write_text(data.manifest.to_json() + "\n")


def _check_bad_pictures(workdir: Path, data: Data, max_fraction: float) -> None:
    path, bad = workdir / "bad_pictures.json", data.bad
    if not bad:
        path.unlink(missing_ok=True)
        return
    write_json(path, [picture._asdict() for picture in bad])
    used = len({record.id for part in data.manifest.splits.values() for record in part})
    share = len(bad) / (len(bad) + used)
    if share > max_fraction:
        raise ValueError(
            f"At most {max_fraction:.2%} of the pictures may be unusable, and {len(bad)} of "
            f"{len(bad) + used} are ({bad[0].name} {bad[0].reason}; all are listed in {path}): "
            "mend or remove them, or raise config.data.max_bad_fraction."
        )
    print(f"{len(bad)} pictures cannot be used and are left out: see {path}.", flush=True)


def forget_statistics(workdir: Path, data: Data) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and deviation of the forget training pictures' channels, in [0, 1] units.

    Args:
        workdir: where they are kept, since it takes a look at every pixel.
        data: both sets.

    Returns:
        Mean and deviation, a number a channel.
    """
    path = workdir / "forget_pixels.json"
    wanted = {"manifest": data.manifest.hash, "shape": list(data.image_shape)}
    known = read_json(path)
    if known is None or {key: known.get(key) for key in wanted} != wanted:
        mean, std = pixel_statistics(data.source("forget", "train"))
        known = wanted | {"mean": mean.tolist(), "std": std.tolist()}
        write_json(path, known)
    return known["mean"], known["std"]
