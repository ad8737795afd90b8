"""Square crops: what is drawn, what comes out, and that both decoders agree."""

import io
import math
import threading
import time

import numpy as np
import pytest
from PIL import Image

from cu_jax.data.crops import RATIO, SCALE, center_crop, random_box, random_crop
from cu_jax.data.decoding import PictureError, decode


def encoded(pixels, format="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_crop_depends_on_bytes_and_generator_alone(photographs, channels, format):
    data = encoded(photographs.photographs()[1], format)
    first = random_crop(data, 64, generator(), channels)
    assert first.shape == (64, 64, channels) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, random_crop(data, 64, generator(), channels))
    assert not np.array_equal(first, random_crop(data, 64, generator(1), channels))
    rng = generator()
    random_crop(data, 64, rng, channels)
    assert not np.array_equal(first, random_crop(data, 64, rng, channels))


def share_below(area):
    """Distribution of the area's share in a square picture, in closed form.

    A drawn area u fits if |log ratio| <= -log u, which the ratio's distribution makes certain up to
    3/4 and of probability -log u / log(4/3) above.
    """

    def mass(u):
        above = max(u, 0.75)
        # The integral of -log u is u - u log u.
        part = (above - above * math.log(above)) - (0.75 - 0.75 * math.log(0.75))
        return min(u, 0.75) - SCALE[0] + part / math.log(4 / 3)

    return mass(area) / mass(1.0)


def test_boxes_are_distributed_as_torchvisions():
    rng, count, side = generator(), 4000, 1000
    boxes = np.array([random_box(side, side, rng) for _ in range(count)])
    left, top, width, height = boxes.T
    assert boxes.min() >= 0 and (left + width).max() <= side and (top + height).max() <= side
    areas, ratios = width * height / side**2, width / height
    assert areas.min() > SCALE[0] - 0.002 and areas.max() <= SCALE[1]
    assert ratios.min() > RATIO[0] - 0.003 and ratios.max() < RATIO[1] + 0.003
    for area in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        # Kolmogorov-Smirnov: below 1.95 / sqrt(n) with probability 0.999.
        assert abs((areas < area).mean() - share_below(area)) < 1.95 / math.sqrt(count)
    assert abs(np.log(ratios).mean()) < 4 * np.log(ratios).std() / math.sqrt(count)
    for place in (left / (side - width).clip(1), top / (side - height).clip(1)):
        assert abs(place.mean() - 0.5) < 4 * math.sqrt(1 / 12 / count)


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [(4000, 8, (1994, 0, 11, 8)), (9, 3000, (0, 1494, 9, 12)), (8, 8, None)],
)
def test_where_no_draw_fits_the_center_is_taken(width, height, box):
    drawn = [random_box(width, height, generator(seed)) for seed in range(20)]
    assert box is None or set(drawn) == {box}
    assert all(b.left + b.width <= width and b.top + b.height <= height for b in drawn)


def test_half_of_the_crops_are_mirrored():
    ramp = np.repeat(np.arange(0, 256, 8, dtype=np.uint8)[None], 32, 0)
    data, rng, count = encoded(ramp), generator(), 1000
    crops = [random_crop(data, 8, rng, channels=1)[..., 0] for _ in range(count)]
    mirrored = [int(crop[0, 0]) > int(crop[0, -1]) for crop in crops]
    assert abs(np.mean(mirrored) - 0.5) < 4 * 0.5 / math.sqrt(count)
    # A crop is mirrored after it is drawn: the same one, read from the other side.
    unmirrored = {crop[:, ::-1].tobytes() for crop, m in zip(crops, mirrored, strict=True) if m}
    assert unmirrored & {crop.tobytes() for crop, m in zip(crops, mirrored, strict=True) if not m}


@pytest.mark.parametrize("channels", [1, 3])
def test_both_decoders_give_nearly_the_same(photographs, channels):
    """The same pixels as JPEG (libjpeg-turbo, which scales large ones) and as BMP (Pillow)."""
    small, large = photographs.jpegs(1)[0], photographs.jpegs(1, width=1400, height=1050)[0]
    for jpeg, size, tolerance in ((small, 224, 0.3), (large, 64, 1.5), (large, 224, 1.5)):
        bmp = encoded(np.asarray(Image.open(io.BytesIO(jpeg))), "BMP")
        for seed in range(3):
            fast, slow = (random_crop(d, size, generator(seed), channels) for d in (jpeg, bmp))
            assert np.abs(fast.astype(int) - slow).mean() < tolerance
        fast, slow = center_crop(jpeg, size, channels), center_crop(bmp, size, channels)
        assert np.abs(fast.astype(int) - slow).mean() < tolerance


def test_an_orientation_changes_nothing(photographs):
    """Also where a large picture is decoded to fewer pixels."""
    upright = photographs.photographs()[0]
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = encoded(np.rot90(upright).copy(), "JPEG", quality=95, exif=exif)
    plain = encoded(upright, "JPEG", quality=95)
    for size in (224, 60):
        first, second = (random_crop(data, size, generator()) for data in (plain, lying))
        assert np.abs(first.astype(int) - second).mean() < 2


@pytest.mark.parametrize(("size", "filter"), [(48, "HAMMING"), (512, "BICUBIC")])
def test_a_random_crop_is_its_box_resized(photographs, size, filter):
    picture = photographs.photographs()[1]
    for seed in range(4):
        rng = generator(seed)
        left, top, width, height = random_box(picture.shape[1], picture.shape[0], rng)
        part = Image.fromarray(picture[top : top + height, left : left + width])
        expected = np.asarray(part.resize((size, size), Image.Resampling[filter]))
        expected = expected[:, ::-1] if rng.random() < 0.5 else expected
        np.testing.assert_array_equal(
            random_crop(encoded(picture, "BMP"), size, generator(seed)), expected
        )


def test_a_center_crop_is_the_resized_middle(photographs):
    picture = photographs.photographs()[2]
    height, width, _ = picture.shape
    assert (width - height) % 2 == 0
    left = (width - height) // 2
    middle = Image.fromarray(picture[:, left : left + height])
    expected = np.asarray(middle.resize((96, 96), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(center_crop(encoded(picture), 96), expected)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_fine_patterns_become_gray_and_no_coarse_ones(format):
    """Stripes one pixel wide, which vanish where a crop is at most half as large as its part."""
    stripes = np.zeros((600, 600), np.uint8)
    stripes[:, ::2] = 255
    data = encoded(stripes, format, **({"quality": 98} if format == "JPEG" else {}))
    crops = [random_crop(data, 100, generator(seed), channels=1) for seed in range(8)]
    crops.append(center_crop(data, 100, channels=1))
    for crop in crops:
        assert np.abs(crop[4:-4, 4:-4].astype(int) - 127).max() < 16


@pytest.mark.parametrize(
    "crop", [lambda d: random_crop(d, 8, generator()), lambda d: center_crop(d, 8)]
)
def test_bad_pictures_are_refused(photographs, crop):
    jpeg = photographs.jpegs(1, width=160, height=120)[0]
    for data in (b"", b"text", jpeg[: len(jpeg) // 2]):
        with pytest.raises(PictureError, match="^is "):
            crop(data)


def longest_pause(work):
    """Runs work in a thread: its seconds, and the longest time that this thread could not run."""
    thread = threading.Thread(target=work)
    start = last = time.perf_counter()
    thread.start()
    pause = 0.0
    while thread.is_alive():
        now = time.perf_counter()
        pause, last = max(pause, now - last), now
    return time.perf_counter() - start, pause


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_other_threads_run_meanwhile(photographs, format):
    pixels = np.tile(decode(photographs.jpegs(1)[0]), (4, 4, 1))
    data = encoded(pixels, format, **({"compress_level": 1} if format == "PNG" else {}))
    for _ in range(5):  # Another program may have had the core.
        seconds, pause = longest_pause(lambda: random_crop(data, 1024, generator()))
        if pause < seconds / 2:
            return
    pytest.fail(f"nothing else ran for {pause:.3f} of {seconds:.3f} s")
