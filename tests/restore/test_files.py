"""Pictures as people have them: every format upright, or a sentence that names the file."""

import errno
import os
import struct

import numpy as np
import pytest
from PIL import Image, features

from cu_jax import pictures
from cu_jax.restoring import find_pictures, read_picture

LOSSLESS = [
    *(("a.png", mode) for mode in ("L", "LA", "RGB", "RGBA", "I;16")),
    *(("a.bmp", "RGB"), ("a.tif", "L"), ("a.tif", "RGB"), ("a.tif", "I;16"), ("a.ppm", "RGB")),
    *(("a.tga", "RGBA"), ("a.pgm", "L"), ("a.png", "1")),
]


@pytest.mark.parametrize(("name", "mode"), LOSSLESS)
def test_lossless_formats_keep_mode_and_bits(folder, make_noise, name, mode):
    image = make_noise(9, 5, "L").point(lambda x: 255 * (x > 99)) if mode == "1" else None
    image = image or make_noise(9, 5, mode)
    (image.convert("1") if mode == "1" else image).save(name)
    picture = read_picture(name)
    assert picture.image.mode == ("L" if mode == "1" else mode) and picture.notes == ()
    np.testing.assert_array_equal(np.asarray(picture.image), np.asarray(image))


def test_lossy_formats_are_read(folder, make_noise):
    image = make_noise(32, 20).resize((320, 200))
    also = ("a.avif",) if features.check("avif") else ()
    for name in ("a.jpg", "a.webp", "a.jp2", "wrong_ending.png", *also):
        image.save(name, format="JPEG" if name.endswith("png") else None)
        found = np.asarray(read_picture(name).image, float)
        assert np.abs(found - np.asarray(image, float)).mean() < 12, name


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(folder, orientation):
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:8, :8] = 255  # White in the upper left.
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = orientation
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # As a camera held that way stores it.
    stored = image.transpose(Image.Transpose(back[orientation])) if orientation > 1 else image
    stored.save("a.png", exif=exif)
    stored.save("a.jpg", exif=exif, quality=95)
    np.testing.assert_array_equal(np.asarray(read_picture("a.png").image), pixels)
    upright = np.asarray(read_picture("a.jpg").image)
    assert upright.shape == pixels.shape and upright[2:6, 2:6].mean() > 240
    assert upright[10:, 10:].mean() < 10


def test_damaged_exif_is_no_reason_to_refuse(folder):
    Image.new("RGB", (8, 4)).save("a.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xffgarbage")
    assert read_picture("a.jpg").image.size == (8, 4)


@pytest.mark.parametrize(
    ("transparency", "mode"), [(None, "RGB"), (0, "RGBA"), (bytes([0, 128]), "RGBA")]
)
def test_palettes_become_their_colors(folder, transparency, mode):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    image.save("a.png", **({} if transparency is None else {"transparency": transparency}))
    found = read_picture("a.png").image
    assert found.mode == mode
    np.testing.assert_array_equal(np.asarray(found)[0, :, :3], [[10, 20, 30], [200, 100, 50]])
    if transparency is not None:
        assert found.getpixel((0, 0))[3] == 0
        assert found.getpixel((1, 0))[3] == (255 if transparency == 0 else 128)


@pytest.mark.parametrize(("mode", "color"), [("L", 7), ("RGB", (1, 2, 3))])
def test_a_transparent_color_becomes_alpha(folder, mode, color):
    image = Image.new(mode, (2, 1), color)
    image.putpixel((1, 0), 9 if mode == "L" else (9, 9, 9))
    image.save("a.png", transparency=color)
    found = read_picture("a.png").image
    assert found.mode == mode + "A"
    assert np.asarray(found)[0, :, -1].tolist() == [0, 255]


def test_cmyk_becomes_rgb_and_is_said(folder, make_noise):
    make_noise(8, 8).convert("CMYK").save("a.jpg")
    picture = read_picture("a.jpg")
    assert picture.image.mode == "RGB" and picture.notes == (pictures.COLORS,)


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "tif"])
def test_of_an_animation_the_first_frame_is_read_and_that_is_said(folder, ending):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    frames[0].save(f"a.{ending}", save_all=True, append_images=frames[1:])
    picture = read_picture(f"a.{ending}")
    assert picture.notes == (pictures.FRAMES,)
    red, _, blue = picture.image.convert("RGB").getpixel((3, 3))
    assert red > 240 and blue < 15


def test_a_phones_second_picture_is_no_animation(folder):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    frames[0].save("a.jpg", format="MPO", save_all=True, append_images=frames[1:])
    assert read_picture("a.jpg").notes == ()


def png(width, height, depth, color, rows):
    """A PNG file made by hand, for what Pillow does not write."""
    import zlib

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    blob = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + blob


def test_sixteen_bits_of_color_lose_eight_and_that_is_said(folder):
    with open("a.png", "wb") as file:
        file.write(png(1, 1, 16, 2, b"\0" + struct.pack(">HHH", 0x1234, 0x8000, 0xFFFF)))
    picture = read_picture("a.png")
    assert picture.notes == (pictures.DEPTH,) and picture.image.mode == "RGB"


def test_floating_point_pixels_are_refused(folder):
    Image.fromarray(np.ones((4, 4), np.float32)).save("a.tif")
    with pytest.raises(ValueError, match="^a.tif has 32 bits a pixel.*8 or 16 bits"):
        read_picture("a.tif")


@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "webp", "tif", "bmp"])
@pytest.mark.parametrize("share", [0.1, 0.6, 0.95])
def test_a_cut_file_is_refused_by_name(folder, make_noise, ending, share):
    make_noise(64, 64).save(f"whole.{ending}")
    with open(f"whole.{ending}", "rb") as file:
        blob = file.read()
    with open(f"cut.{ending}", "wb") as file:
        file.write(blob[: int(share * len(blob))])
    with pytest.raises(ValueError, match=f"^cut.{ending} is "):
        read_picture(f"cut.{ending}")


@pytest.mark.parametrize(
    ("blob", "sentence"),
    [
        (b"", "is empty"),
        (b"hello", "is no picture in a known format"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "is a HEIC picture: save it as JPEG or PNG first"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no picture in a known"),
    ],
)
def test_what_is_no_picture_is_refused(folder, blob, sentence):
    with open("a.png", "wb") as file:
        file.write(blob)
    with pytest.raises(ValueError, match=f"^a.png {sentence}"):
        read_picture("a.png")


def test_a_decompression_bomb_is_refused(folder):
    with open("a.png", "wb") as file:
        file.write(png(60000, 60000, 1, 0, b""))
    with pytest.raises(ValueError, match="a.png must have at most 179 million pixels"):
        read_picture("a.png")


def test_a_color_profile_stays_and_other_data_goes(folder, make_noise):
    make_noise(4, 4).save("a.jpg", icc_profile=b"profile", comment=b"private", dpi=(72, 72))
    assert read_picture("a.jpg").image.info == {"icc_profile": b"profile"}


def test_a_file_without_permission_is_named(folder, make_noise, monkeypatch):
    """By what the system answers, for root may read everything."""
    make_noise(4, 4).save("a.png")

    def refused(path, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Image, "open", refused)
    with pytest.raises(ValueError, match=r"^a.png cannot be read \(Permission denied\)"):
        read_picture("a.png")


def test_a_folder_gives_its_pictures_sorted_and_names_the_rest(folder, make_noise):
    inside = folder / "in"
    (inside / "deeper").mkdir(parents=True)
    for name in ("b.png", "a.JPG", "c.Png", ".hidden.png", "deeper/d.png"):
        make_noise(4, 4).save(inside / name, format="PNG")
    (inside / "notes.txt").write_text("")
    make_noise(4, 4).save("z.png")
    found, others = find_pictures(["z.png", inside, inside / "b.png", "./z.png"])
    assert [path.name for path in found] == ["z.png", "a.JPG", "b.png", "c.Png"]
    assert [path.name for path in others] == ["notes.txt"]


def test_an_empty_folder_or_an_absent_file_is_refused(folder):
    (folder / "in").mkdir()
    with pytest.raises(FileNotFoundError, match="in has none among its 0 files"):
        find_pictures(["in"])
    with pytest.raises(FileNotFoundError, match="there is no nothing.png"):
        find_pictures(["nothing.png"])
