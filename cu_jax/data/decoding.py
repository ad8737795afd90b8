"""Encoded pictures to arrays: libjpeg-turbo for plain JPEGs, Pillow for everything else."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import simplejpeg
from jaxtyping import UInt8
from PIL import Image

from cu_jax.pictures import PictureError, check_size, eight_bits, load_picture

__all__ = [
    "LEAST_SIDE",
    "MOST_PIXELS",
    "Header",
    "PictureError",
    "check",
    "decode",
    "decode_jpeg",
    "jpeg_header",
]

LEAST_SIDE = 8
"""Pictures with a shorter side than this are refused: icons and tracking pixels show nothing."""

MOST_PIXELS = 2**27
"""Pictures with more pixels are refused before any is decoded: three bytes each, per thread."""

# What libjpeg says of files whose pixels are all there: odd cameras and odd programs.
_HARMLESS = "Invalid SOS parameters", "unknown JFIF revision", "Unknown Adobe color transform"

_ORIENTATION = 0x0112  # In EXIF data.


class Header(NamedTuple):
    """What the first bytes of a JPEG say.

    Attributes:
        width: in pixels, upright.
        height: in pixels, upright.
        orientation: how it is stored, as in EXIF data: 1 upright, 5 to 8 lying on a side.
        plain: whether it is gray, or in colors that monitors show; printers' are left to Pillow.
    """

    width: int
    height: int
    orientation: int
    plain: bool


def jpeg_header(data: bytes) -> Header | None:
    """Reads the header of a JPEG.

    Args:
        data: the file's bytes.

    Returns:
        The header, or None if this is no JPEG that libjpeg-turbo knows.

    Raises:
        PictureError: it has fewer than `LEAST_SIDE` pixels a side or more than `MOST_PIXELS`.

    Example:
        >>> jpeg_header(b"GIF89a") is None
        True
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    except (KeyError, ValueError):  # The former where it breaks off before the color space.
        return None
    check_size(width, height, LEAST_SIDE, MOST_PIXELS)
    orientation = _orientation(data)
    plain = space not in ("CMYK", "YCCK") and orientation is not None
    if orientation is not None and orientation >= 5:
        width, height = height, width
    return Header(width, height, orientation or 1, plain)


def decode(data: bytes, channels: int = 3) -> UInt8[np.ndarray, "h w c"]:
    """The whole picture, upright.

    Args:
        data: the file's bytes.
        channels: 3 for RGB, 1 for gray.

    Returns:
        uint8 ``[height, width, channels]``. Transparent pixels are seen on white, 16 bits become 8,
        CMYK becomes RGB without color management; of an animation it is the first frame.

    Raises:
        PictureError: it is no whole picture of a known format, has fewer than `LEAST_SIDE` pixels a
            side or more than `MOST_PIXELS`.

    Note:
        JPEGs are held to more than Pillow asks: whatever libjpeg-turbo says about damaged data
        counts, since it goes on with gray pixels.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (10, 8), "red").save(file, "PNG")
        >>> decode(file.getvalue())[0, 0].tolist()
        [255, 0, 0]
    """
    header = jpeg_header(data)
    pixels = None if header is None else decode_jpeg(data, header, channels)
    if pixels is not None:
        return pixels
    image = eight_bits(load_picture(data, LEAST_SIDE, MOST_PIXELS).image)
    pixels = np.asarray(image.convert("RGB" if channels == 3 else "L"))
    return pixels.reshape(*pixels.shape[:2], channels)


def decode_jpeg(
    data: bytes, header: Header, channels: int, shrink: int = 1
) -> UInt8[np.ndarray, "h w c"] | None:
    """A JPEG by libjpeg-turbo, with what that says about the data as an error.

    Args:
        data: the file's bytes.
        header: theirs.
        channels: 3 for RGB, 1 for gray.
        shrink: 1, 2, 4 or 8: how many times smaller a side becomes, rounded up. The decoder
            averages the pixels, which costs less than to decode them all.

    Returns:
        uint8 ``[height / shrink, width / shrink, channels]``, upright; or None where Pillow has to
        decode it.

    Raises:
        PictureError: the data is damaged or cut short.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (33, 16)).save(file, "JPEG")
        >>> header = jpeg_header(file.getvalue())
        >>> decode_jpeg(file.getvalue(), header, channels=1, shrink=2).shape
        (8, 17, 1)
    """
    height, width = header.height, header.width
    if header.orientation >= 5:
        height, width = width, height
    try:
        pixels = simplejpeg.decode_jpeg(
            data,
            "RGB" if channels == 3 else "GRAY",
            min_height=-(-height // shrink),
            min_width=-(-width // shrink),
            min_factor=shrink,
        )
    except ValueError as error:
        if any(text in str(error) for text in _HARMLESS):
            return None
        raise PictureError(f"is damaged or cut short ({error})") from error
    return _upright(pixels, header.orientation) if header.plain else None


def check(data: bytes) -> None:
    """Decodes a whole picture to see whether it can be used.

    Args:
        data: the file's bytes.

    Raises:
        PictureError: it cannot; the message follows the file's name.

    Example:
        >>> check(b"")
        Traceback (most recent call last):
        cu_jax.pictures.PictureError: is empty
    """
    decode(data)


def _upright(pixels: UInt8[np.ndarray, "h w c"], orientation: int) -> np.ndarray:
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(pixels[::rows, ::columns])


def _orientation(data: bytes) -> int | None:
    """A JPEG's orientation by its EXIF data; None if there is XMP data to be asked, by Pillow."""
    for segment in _first_applications(data):
        if segment.startswith(b"Exif\0\0"):
            try:
                exif = Image.Exif()
                exif.load(segment)
                given = exif.get(_ORIENTATION)
            except Exception:  # Damaged EXIF data says nothing about where up is.
                continue
            if given is not None:
                return given if given in range(1, 9) else 1
        elif b"tiff:Orientation" in segment:
            return None
    return 1


def _first_applications(data: bytes) -> Iterator[bytes]:
    """The contents of a JPEG's APP1 segments, which are EXIF and XMP data."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\xda":
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1 : at + 2] == b"\xe1":
            yield data[at + 4 : end]
        # Any number of filling bytes may stand before a marker.
        at = at + 1 if data[at + 1 : at + 2] == b"\xff" else end
