"""Pictures as people have them, from files: which ones, and decoded upright."""

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from cu_jax.pictures import ENDINGS, Picture, PictureError, load_picture


def find_pictures(arguments: Iterable[str | os.PathLike[str]]) -> tuple[list[Path], list[Path]]:
    """The picture files that arguments name; folders give the pictures in them, sorted.

    Args:
        arguments: files and folders. Folders inside folders and hidden files are not looked at.

    Returns:
        The pictures, each once, in the order given; and the folders' other files.

    Raises:
        FileNotFoundError: an argument does not exist, or a folder has no picture.

    Example:
        >>> find_pictures(["no_such_picture.png"])
        Traceback (most recent call last):
        FileNotFoundError: A picture must be a file or a folder of files, and there is no
        no_such_picture.png: check the name.
    """
    found: dict[Path, Path] = {}  # The same file under two names is one picture.
    others: list[Path] = []
    for path in map(Path, arguments):
        if path.is_file():
            found.setdefault(path.resolve(), path)
        elif path.is_dir():
            files = [p for p in _sorted(path) if p.is_file() and not p.name.startswith(".")]
            pictures = [p for p in files if p.suffix.lower() in ENDINGS]
            others += [p for p in files if p.suffix.lower() not in ENDINGS]
            if not pictures:
                raise FileNotFoundError(
                    f"A folder of pictures must hold at least one, and {path} has none among its "
                    f"{len(files)} files (folders inside it are not searched): name another."
                )
            for file in pictures:
                found.setdefault(file.resolve(), file)
        else:
            raise FileNotFoundError(
                f"A picture must be a file or a folder of files, and there is no {path}: check "
                "the name."
            )
    return list(found.values()), others


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """Decodes one picture: the first frame, turned upright as its EXIF data says.

    Args:
        path: the file; its content counts, not its ending.

    Returns:
        The picture. Palettes become RGB or RGBA, CMYK and its like RGB; alpha stays.

    Raises:
        ValueError: the file is no whole picture of a format that Pillow decodes, is larger than
            Pillow takes for safe, or may not be read.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "gray.png")
        ...     Image.new("P", (4, 3)).save(path)
        ...     read_picture(path).image.mode
        'RGB'
    """
    try:
        with warnings.catch_warnings():
            # Half of what Pillow refuses it warns about: a large panorama. Broken EXIF data and
            # odd palettes are warned of too; the picture is there all the same.
            warnings.simplefilter("ignore")
            return load_picture(path)
    except PictureError as error:
        raise ValueError(f"{os.fspath(path)} {error}") from error


def _sorted(folder: Path) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise ValueError(
            f"A folder of pictures must be readable, and {folder} is not ({error.strerror}): "
            "change its permissions."
        ) from error
