"""Where restored pictures go: names that differ, and files that appear whole or not at all."""

import collections
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from cu_jax.atomic import replacing


def output_paths(
    out: Path, pictures: Sequence[Path], endings: Sequence[str] = ("",)
) -> list[list[Path]]:
    """A file in ``out`` for each picture and ending, no two alike.

    Args:
        out: the folder.
        pictures: the pictures' files.
        endings: what follows a picture's name, one for each file that the picture gives.

    Returns:
        For each picture its files: ``NAME.png`` where NAME is the picture's own without its ending.
        Pictures of one name also get that of their folder, or their ending inside one folder, and
        at last a number.

    Example:
        >>> paths = output_paths(Path("out"), [Path("a/7.jpg"), Path("b/7.jpg"), Path("b/8.gif")])
        >>> [path.name for (path,) in paths]
        ['a_7.png', 'b_7.png', '8.png']
    """
    groups = collections.defaultdict(list)
    for path in pictures:
        groups[path.stem.casefold()].append(path)  # Some file systems take 7.png for 7.PNG.
    taken: set[str] = set()
    found = {}
    # Names that are nobody else's stay as they are.
    for path in sorted(pictures, key=lambda path: len(groups[path.stem.casefold()]) > 1):
        group = groups[path.stem.casefold()]
        name = path.stem
        if len(group) > 1:
            folders = {other.absolute().parent for other in group}
            parent, suffix = path.absolute().parent.name, path.suffix.lstrip(".").lower()
            name = f"{parent}_{name}" if len(folders) == len(group) else f"{name}_{suffix}"
        number, unique = 2, name
        while taken & (names := {f"{unique}{ending}.png".casefold() for ending in endings}):
            unique, number = f"{name}_{number}", number + 1
        taken |= names
        found[path] = [out / f"{unique}{ending}.png" for ending in endings]
    return [found[path] for path in pictures]


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path], force: bool) -> None:
    """Refuses to write over anything: inputs never, other files only with ``force``.

    Args:
        outputs: the files to be written.
        inputs: the user's own files, which are read.
        force: whether to write over files from before.

    Raises:
        ValueError: a file would be overwritten, or cannot be written.

    Example:
        >>> check_outputs([Path("7.png")], [Path("7.png")], force=True)
        Traceback (most recent call last):
        ValueError: A restored picture must not be written over a picture that is read, and 7.png
        would be: give another --out.
    """
    own = {_identity(path) for path in inputs if path.exists()} | {p.resolve() for p in inputs}
    for path in outputs:
        if path.resolve() in own or (path.exists() and _identity(path) in own):
            raise ValueError(
                f"A restored picture must not be written over a picture that is read, and {path} "
                "would be: give another --out."
            )
    there = [path for path in outputs if os.path.lexists(path)]
    folders = [path for path in there if path.is_dir()]
    if folders:
        raise ValueError(
            f"A restored picture must have a name of its own, and {folders[0]} is a folder: give "
            "another --out."
        )
    if there and not force:
        more = f" and {len(there) - 1} more are" if len(there) > 1 else " is"
        raise ValueError(
            f"Nothing is written over without --force, and {there[0]}{more} there already: give "
            "another --out, or --force."
        )


def make_folder(folder: Path) -> None:
    """Makes the folder for the pictures, and sees that it can be written to.

    Raises:
        ValueError: it cannot be made, or not be written to.

    Example:
        >>> make_folder(Path(os.devnull))
        Traceback (most recent call last):
        ValueError: --out must be a folder that can be written to, and ... is not (...): give
        another.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "no permission"
    except OSError as error:
        reason = str(error.strerror)
    if reason:
        raise ValueError(
            f"--out must be a folder that can be written to, and {folder} is not ({reason}): give "
            "another."
        )


def write_png(image: Image.Image, path: Path, force: bool) -> None:
    """Writes a picture under a temporary name, then renames it.

    Args:
        image: the picture; a color profile that it has goes with it.
        path: the file.
        force: whether to write over one that is there.

    Raises:
        FileExistsError: the file has come into being since it was checked; it stays as it is.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_png(Image.new("L", (2, 2)), Path(folder, "a.png"), force=False)
        ...     os.listdir(folder)
        ['a.png']
    """
    with replacing(path) as temporary:
        image.save(temporary, format="PNG", icc_profile=image.info.get("icc_profile"))
        if not force and os.path.lexists(path):
            raise FileExistsError(f"Nothing is written over without --force, and {path} is there.")


def _identity(path: Path) -> tuple[int, int]:
    """The file itself, whatever name leads to it."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino
