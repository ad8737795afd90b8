"""Pictures as people have them, from files: which ones, and decoded upright."""

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

# Decoders that only decode: EPS, for one, would start another program.
_FORMATS = (
    *("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "PPM", "TGA", "AVIF", "JPEG2000"),
    *("ICO", "PCX", "SGI", "QOI"),
)
# What is taken from a folder; a file that is named itself may be called anything.
_ENDINGS = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .gif .webp .bmp .dib .tif .tiff .ppm .pgm .pbm .pnm "
    ".tga .avif .avifs .jp2 .j2k .jpx .ico .pcx .sgi .qoi .heic .heif".split()
)
_HEIC = b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1"

FRAMES = "several frames, of which the first is restored"
DEPTH = "16 bits a channel, of which 8 are kept"
COLORS = "colors that PNG cannot store as they are; written as RGB"


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        image: upright, in mode L, LA, RGB, RGBA or I;16.
        notes: what people should be told about it, of `FRAMES`, `DEPTH` and `COLORS`.
    """

    image: Image.Image
    notes: tuple[str, ...] = ()


class _UnknownRange(ValueError):
    """The pixels are numbers that nothing says the black and white of."""


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
            pictures = [p for p in files if p.suffix.lower() in _ENDINGS]
            others += [p for p in files if p.suffix.lower() not in _ENDINGS]
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
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "gray.png")
        ...     Image.new("P", (4, 3)).save(path)
        ...     read_picture(path).image.mode
        'RGB'
    """
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    try:
        with warnings.catch_warnings():
            # Half of what Pillow refuses it warns about: a large panorama. Broken EXIF data and
            # odd palettes are warned of too; the picture is there all the same.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=formats) as image:
                notes = _notes(image)
                image.load()
                return Picture(_plain(_upright(image)), notes)
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise ValueError(
            f"{os.fspath(path)} must have at most {limit / 1e6:.0f} million pixels: shrink it first"
        ) from error
    except Exception as error:  # Decoders raise anything on a broken file.
        raise ValueError(f"{os.fspath(path)} {_complaint(path, error)}") from error


def eight_bits(image: Image.Image, backdrop: int = 255) -> Image.Image:
    """The picture in mode L or RGB, as it looks on a plain backdrop.

    Args:
        image: mode L, LA, RGB, RGBA or I;16.
        backdrop: the gray behind transparent pixels.

    Returns:
        The picture in 8 bits.

    Example:
        >>> eight_bits(Image.new("LA", (2, 2), (0, 0))).getpixel((0, 0))
        255
    """
    if image.mode == "I;16":
        return Image.fromarray((np.asarray(image).astype(np.uint32) * 255 // 65535).astype("uint8"))
    if image.mode in ("LA", "RGBA"):
        plain = image.mode[:-1]
        behind = Image.new(plain, image.size, (backdrop,) * len(plain))
        behind.paste(image.convert(plain), mask=image.getchannel("A"))
        return behind
    return image


def _sorted(folder: Path) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise ValueError(
            f"A folder of pictures must be readable, and {folder} is not ({error.strerror}): "
            "change its permissions."
        ) from error


def _notes(image: Image.Image) -> tuple[str, ...]:
    """Read before `load`, which forgets how the pixels were stored."""
    notes = []
    # A phone's JPEG may carry a second picture (MPO): a preview or a depth map, no animation.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        notes.append(FRAMES)
    stored = [str(getattr(tile, "args", "")) for tile in getattr(image, "tile", [])]
    if image.mode in ("LA", "RGB", "RGBA") and any(";16" in text for text in stored):
        notes.append(DEPTH)
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        notes.append(COLORS)
    return tuple(notes)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Damaged EXIF data says nothing about where up is.
        return image


def _plain(image: Image.Image) -> Image.Image:
    """The picture in one of the modes of `Picture`, detached from its file."""
    profile = image.info.get("icc_profile")
    mode = image.mode
    keeps_colors = mode in ("1", "L", "LA", "I;16", "RGB", "RGBA", "P", "PA", "RGBX")
    if mode in ("I", "I;16B", "I;16L", "I;16N", "F"):
        image = _sixteen_bits(image)
    elif mode == "1":
        image = image.convert("L")
    elif mode in ("P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif mode in ("L", "RGB") and "transparency" in image.info:
        image = image.convert(f"{mode}A")
    elif mode in ("La", "RGBa"):
        image = image.convert(mode.upper())
    elif mode not in ("L", "LA", "RGB", "RGBA", "I;16"):
        image = image.convert("RGB")
    else:
        image = image.copy()
    # The one thing besides pixels that decides how they look.
    image.info = {"icc_profile": profile} if profile and keeps_colors else {}
    return image


def _sixteen_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise _UnknownRange
    return Image.fromarray(values.astype(np.uint16))


def _complaint(path: str | os.PathLike[str], error: Exception) -> str:
    """What is wrong with a file, to follow its name."""
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return f"cannot be read ({error.strerror})"
    if isinstance(error, Image.UnidentifiedImageError):
        with open(path, "rb") as file:
            head = file.read(16)
        if not head:
            return "is empty"
        if head[4:].startswith(_HEIC):
            return "is a HEIC picture: save it as JPEG or PNG first"
        return "is no picture in a known format: save it as JPEG or PNG first"
    if isinstance(error, _UnknownRange):
        return "has 32 bits a pixel, black and white unknown: save it with 8 or 16 bits"
    if isinstance(error, MemoryError):
        return "is too large for the memory: shrink it first"
    return f"is damaged or cut short ({error})"
