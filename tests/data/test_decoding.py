"""Encoded pictures to arrays: what is converted, what is refused, and how fast it is refused."""

import io
import resource
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from cu_jax.data.decoding import (
    LEAST_SIDE,
    MOST_PIXELS,
    PictureError,
    check,
    decode,
    decode_jpeg,
    jpeg_header,
)

RED = (200, 30, 60)


def encoded(image, format="PNG", **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def plain(size=(16, 16), mode="RGB", color=RED):
    return Image.new("RGB", size, color).convert(mode)


@pytest.fixture(scope="module")
def photograph(photographs):
    """A JPEG's bytes."""
    return photographs.jpegs(1, width=160, height=120)[0]


def png(width, height, depth, color, rows):
    """A PNG file made by hand, for what Pillow does not write."""

    def chunk(name, data):
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + body


def huge_jpeg(photograph, side):
    """The photograph, whose header claims another size."""
    at = photograph.index(b"\xff\xc0") + 5
    return photograph[:at] + struct.pack(">HH", side, side) + photograph[at + 4 :]


@pytest.mark.parametrize(
    "data",
    [
        encoded(plain()),
        encoded(plain(), "JPEG", quality=95),
        encoded(plain(), "JPEG", quality=95, progressive=True),
        encoded(plain(mode="CMYK"), "JPEG", quality=95),  # Adobe's, hence inverted.
        encoded(plain(mode="RGBA")),
        encoded(plain().quantize(4)),
        encoded(plain(), "GIF", save_all=True, append_images=[plain(color="blue")]),
        encoded(plain(), "WEBP", lossless=True),
        encoded(plain(), "BMP"),
        png(16, 16, 16, 2, 16 * (b"\0" + 16 * struct.pack(">3H", *(257 * c for c in RED)))),
    ],
    ids="png jpeg progressive cmyk rgba palette animation webp bmp 16-bit".split(),
)
def test_colors_are_what_they_were(data):
    check(data)
    image = decode(data)
    assert image.shape == (16, 16, 3) and image.dtype == np.uint8
    np.testing.assert_allclose(image.reshape(-1, 3), [RED] * 256, atol=4)
    gray = decode(data, channels=1)
    assert gray.shape == (16, 16, 1)
    np.testing.assert_allclose(gray, 0.299 * 200 + 0.587 * 30 + 0.114 * 60, atol=3)


@pytest.mark.parametrize(
    "data",
    [
        encoded(plain(mode="L", color=(90,) * 3)),
        encoded(plain(mode="L", color=(90,) * 3), "JPEG"),
        encoded(Image.fromarray(np.full((16, 16), 90 * 257, np.uint16))),
        encoded(Image.fromarray(np.full((16, 16), 90 * 257, np.uint16)), "TIFF"),
    ],
    ids=["png", "jpeg", "16-bit png", "16-bit tiff"],
)
def test_gray_serves_as_color(data):
    assert np.unique(decode(data)).tolist() == [90] and decode(data).shape[-1] == 3
    assert np.unique(decode(data, channels=1)).tolist() == [90]


def test_transparency_is_seen_on_white():
    half = Image.new("RGBA", (16, 16), (0, 0, 0, 128))
    assert decode(encoded(half))[0, 0].tolist() == [127] * 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["exif", "xmp"])
def test_all_eight_orientations_are_turned_upright(photograph, orientation, kind):
    upright = Image.open(io.BytesIO(photograph))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # As a camera held that way stores it.
    stored = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    xmp = f'<x xmlns:tiff="t" tiff:Orientation="{orientation}"/>'.encode()
    how = {"exif": exif} if kind == "exif" else {"xmp": xmp}
    data = encoded(stored, "JPEG", quality=95, **how)
    image = decode(data)
    difference = np.abs(image.astype(int) - np.asarray(upright))
    assert image.shape == (120, 160, 3) and difference.mean() < 2
    if kind == "exif":
        np.testing.assert_array_equal(decode(encoded(stored, exif=exif)), np.asarray(upright))
        header = jpeg_header(data)
        assert header[:3] == (160, 120, orientation)
        small = decode_jpeg(data, header, channels=3, shrink=4)
        assert np.abs(small.astype(int) - np.asarray(upright.reduce(4))).mean() < 2


def test_damaged_exif_is_no_reason_to_refuse():
    data = encoded(plain(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xffgarbage")
    assert decode(data).shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "^is empty$"),
        (b"Once upon a time there was a text.", "^is no picture in a known format"),
        (b"\xff\xd8\xff\xe0 and nothing else", "^is "),
        (encoded(plain((1, 1))), "at least 8 pixels a side, and has 1 x 1"),
        (encoded(plain((1, 1)), "JPEG"), "at least 8 pixels a side, and has 1 x 1"),
        (encoded(plain((300, LEAST_SIDE - 1))), "at least 8 pixels a side, and has 300 x 7"),
        (encoded(Image.fromarray(np.ones((9, 9), np.float32)), "TIFF"), "32 bits a pixel"),
    ],
    ids=["empty", "text", "jpeg start", "dot png", "dot jpeg", "line", "float"],
)
def test_what_cannot_be_used_is_refused(data, sentence):
    with pytest.raises(PictureError, match=sentence):
        check(data)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95, 1.0])
@pytest.mark.parametrize("format", ["JPEG", "progressive", "CMYK", "PNG", "GIF", "WEBP"])
def test_cut_files_are_refused(photograph, share, format):
    image = Image.open(io.BytesIO(photograph))
    if format in ("progressive", "CMYK"):
        image = image.convert("CMYK") if format == "CMYK" else image
        data = encoded(image, "JPEG", progressive=format == "progressive")
    else:
        data = encoded(image, format)
    check(data)
    # Of a PNG and a GIF all pixels are there before the last bytes.
    cut = data[: min(int(share * len(data)), len(data) - (40 if format == "PNG" else 2))]
    if format == "GIF" and share == 1:
        return check(cut)
    with pytest.raises(PictureError, match="^is "):
        check(cut)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_jpeg_with_its_end_put_back_is_refused(photograph, progressive):
    """Pillow takes these, with gray where pixels are missing."""
    data = encoded(Image.open(io.BytesIO(photograph)), "JPEG", progressive=progressive)
    mended = data[: len(data) // 2] + b"\xff\xd9"
    Image.open(io.BytesIO(mended)).load()
    with pytest.raises(PictureError, match="^is damaged or cut short .*premature end"):
        check(mended)


def test_zeros_amid_a_jpeg_are_noticed(photograph):
    middle = len(photograph) // 2
    with pytest.raises(PictureError, match="^is damaged"):
        check(photograph[:middle] + bytes(2000) + photograph[middle + 2000 :])


def test_what_libjpeg_only_wonders_about_is_taken(photograph):
    """Some cameras write the last byte of the scan's header wrongly."""
    at = photograph.index(b"\xff\xda")
    last = at + 2 + int.from_bytes(photograph[at + 2 : at + 4], "big") - 1
    odd = photograph[:last] + b"\x01" + photograph[last + 1 :]
    assert odd != photograph
    np.testing.assert_array_equal(decode(odd), decode(photograph))
    with pytest.raises(PictureError, match="cut short"):
        check(odd[: len(odd) // 2])


@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize("limit", ["Pillow's", "none"])
def test_twenty_thousand_pixels_a_side_are_refused_at_once(photograph, monkeypatch, kind, limit):
    if limit == "none":  # As some other library may have set it.
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    data = png(20_000, 20_000, 8, 2, b"") if kind == "png" else huge_jpeg(photograph, 20_000)
    assert 20_000**2 > MOST_PIXELS
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with pytest.raises(PictureError, match="^must have at most .* million pixels: shrink it first"):
        check(data)
    assert time.perf_counter() - start < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**15  # 32 MiB, in KiB.


def test_published_photographs_are_taken(photographs):
    for data in photographs.imagenet_files():
        check(data)
        header = jpeg_header(data)
        assert (header.height, header.width) == decode(data).shape[:2]
