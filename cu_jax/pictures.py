"""Pictures of every format that Pillow decodes, upright, or a sentence about what is wrong."""

import io
import os
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

# Decoders that only decode: EPS, for one, would start another program.
_FORMATS = (
    *("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "PPM", "TGA", "AVIF", "JPEG2000"),
    *("ICO", "PCX", "SGI", "QOI"),
)
_HEIC = b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1"

ENDINGS = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .gif .webp .bmp .dib .tif .tiff .ppm .pgm .pbm .pnm "
    ".tga .avif .avifs .jp2 .j2k .jpx .ico .pcx .sgi .qoi .heic .heif".split()
)
"""Files in a folder are taken for pictures by their ending, in any case; a file that is named by
itself may be called anything."""

FRAMES = "several frames, of which the first is restored"
DEPTH = "16 bits a channel, of which 8 are kept"
COLORS = "colors that PNG cannot store as they are; written as RGB"


class PictureError(ValueError):
    """A picture cannot be used; the message is what is wrong with it, to follow its name.

    Example:
        >>> print("a.jpg", PictureError("is empty"))
        a.jpg is empty
    """


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


def load_picture(
    source: str | os.PathLike[str] | bytes, least_side: int = 1, most_pixels: int | None = None
) -> Picture:
    """Decodes one picture: the first frame, turned upright as its EXIF data says.

    Args:
        source: a file, whose content counts and not its ending; or the content itself.
        least_side: pixels that the shorter side must have.
        most_pixels: pixels that it may have, or None for what Pillow takes for safe. More are
            refused before any is decoded.

    Returns:
        The picture. Palettes become RGB or RGBA, CMYK and its like RGB; alpha stays.

    Raises:
        PictureError: it is no whole picture of a format that Pillow decodes, has too few or too
            many pixels, or may not be read.

    Note:
        Pillow warns of large pictures, broken EXIF data and odd palettes. Who calls this decides
        what becomes of that: silencing warnings is not safe with several threads.

    Example:
        >>> load_picture(b"hello")
        Traceback (most recent call last):
        cu_jax.pictures.PictureError: is no picture in a known format: save it as JPEG or PNG first
    """
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with Image.open(file, formats=formats) as image:
            check_size(image.width, image.height, least_side, most_pixels)
            notes = _notes(image)
            image.load()
            return Picture(_plain(_upright(image)), notes)
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError(_too_large(2 * (Image.MAX_IMAGE_PIXELS or 0))) from error
    except Exception as error:  # Decoders raise anything on a broken file.
        raise PictureError(_complaint(source, error)) from error


def check_size(width: int, height: int, least_side: int, most_pixels: int | None) -> None:
    """Refuses a picture by the size that its header claims.

    Args:
        width: in pixels.
        height: in pixels.
        least_side: pixels that the shorter side must have.
        most_pixels: pixels that it may have, or None for any number.

    Raises:
        PictureError: it has too few or too many.

    Example:
        >>> check_size(20_000, 20_000, 8, 10**8)
        Traceback (most recent call last):
        cu_jax.pictures.PictureError: must have at most 100 million pixels: shrink it first
    """
    if most_pixels is not None and width * height > most_pixels:
        raise PictureError(_too_large(most_pixels))
    if min(width, height) < least_side:
        raise PictureError(
            f"must have at least {least_side} pixels a side, and has {width} x {height}: leave it "
            "out"
        )


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


def _too_large(most: int) -> str:
    return f"must have at most {most / 1e6:.0f} million pixels: shrink it first"


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


def _complaint(source: str | os.PathLike[str] | bytes, error: Exception) -> str:
    """What is wrong with a picture, to follow its name."""
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return f"cannot be read ({error.strerror})"
    if isinstance(error, Image.UnidentifiedImageError):
        head = source[:16] if isinstance(source, bytes) else _head(source)
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


def _head(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read(16)
