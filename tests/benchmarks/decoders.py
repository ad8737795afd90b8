"""Encoded picture to square crop: how many a second and core, and how close to Pillow's bicubic.

    pip install opencv-python-headless torch torchvision
    python tests/benchmarks/decoders.py [--rounds 15] [--pictures 20]

Random 224-pixel crops of 500 x 375 JPEGs of quality 90, made of five photographs. The process is
pinned to one core and its processor time counts. The variants take turns, so that a busy machine
slows all of them; torchvision and `random_crop` draw their own boxes and mirror, the others get the
same boxes, new ones in every round. Speeds are medians, as ratios of torchvision with Pillow.
Quality is the difference from Pillow's antialiased bicubic of the same box of the same picture:
mean absolute difference of pixels in 0-255, and PSNR; the last column is the PSNR on ImageNet's own
photographs (foolbox has twenty), which are sharper. OpenCV is left out if it isn't installed.
"""

import argparse
import importlib.util
import io
import os
import statistics
import time
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image

from cu_jax.data.crops import Box, random_box, random_crop

SIZE = 224
FILTERS = Image.Resampling
OURS = "`random_crop`, with drawing and mirroring"


def photographs():
    """The tests' module of real photographs."""
    path = Path(__file__).parents[1] / "photographs.py"
    spec = importlib.util.spec_from_file_location("photographs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fast(data, **options):
    """Decoded by simplejpeg."""
    return simplejpeg.decode_jpeg(data, **options)


def cut(pixels, box):
    """A view of the box's pixels."""
    return pixels[box.top : box.top + box.height, box.left : box.left + box.width]


def by_pillow(filter, draft=False):
    """Decoded and resized by Pillow; with ``draft`` at half the size where that is enough."""

    def crop(data, box):
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            scale = image.width
            if draft:
                # The largest reduction that leaves the box at least as large as the crop.
                factor = min(box.width, box.height) / SIZE
                image.draft("RGB", (int(image.width / factor), int(image.height / factor)))
            scale = image.width / scale
            left, top, width, height = (value * scale for value in box)
            part = (left, top, left + width, top + height)
            return np.asarray(image.convert("RGB").resize((SIZE, SIZE), filter, box=part))

    return crop


def by_both(filter, **options):
    """Decoded by simplejpeg, resized by Pillow."""

    def crop(data, box):
        part = Image.fromarray(cut(fast(data, **options), box))
        return np.asarray(part.resize((SIZE, SIZE), filter))

    return crop


def scaled(filter):
    """Decoded by simplejpeg in eighths, as small as is enough; Pillow does the rest."""

    def crop(data, box):
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        factor = min(box.width, box.height) / SIZE
        least = dict(min_width=int(width / factor), min_height=int(height / factor))
        pixels = fast(data, **least)
        scale = pixels.shape[1] / width
        left, top, w, h = (value * scale for value in box)
        part = Image.fromarray(pixels)
        return np.asarray(part.resize((SIZE, SIZE), filter, box=(left, top, left + w, top + h)))

    return crop


def opencv_variants(cv2):
    """Name to function, of those that need OpenCV."""
    cv2.setNumThreads(1)

    def decode(data):
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)

    def resizing(decode, filter):
        def crop(data, box):
            return cv2.resize(cut(decode(data), box), (SIZE, SIZE), interpolation=filter)

        return crop

    def smoothed(decode):
        def crop(data, box):
            part = cut(decode(data), box)
            if box.width > SIZE and box.height > SIZE:
                part = cv2.GaussianBlur(part, (3, 3), 0.4)
            return cv2.resize(part, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)

        return crop

    def doubled(filter):
        def crop(data, box):
            large = cv2.resize(cut(fast(data), box), (2 * SIZE, 2 * SIZE), interpolation=filter)
            return cv2.resize(large, (SIZE, SIZE), interpolation=cv2.INTER_AREA)

        return crop

    return {
        "OpenCV, linear": resizing(decode, cv2.INTER_LINEAR),
        "OpenCV, cubic": resizing(decode, cv2.INTER_CUBIC),
        "OpenCV, area": resizing(decode, cv2.INTER_AREA),
        "OpenCV, 3 x 3 Gaussian and cubic": smoothed(decode),
        "simplejpeg, OpenCV linear": resizing(fast, cv2.INTER_LINEAR),
        "simplejpeg, OpenCV area": resizing(fast, cv2.INTER_AREA),
        "simplejpeg, OpenCV Gaussian and cubic": smoothed(fast),
        "simplejpeg, OpenCV linear to 448, halved": doubled(cv2.INTER_LINEAR),
        "simplejpeg, OpenCV cubic to 448, halved": doubled(cv2.INTER_CUBIC),
    }


def torchvision_variant():
    """The baseline: the usual transform of a Pillow image, with its own boxes and flips."""
    import torch
    from torchvision import transforms

    torch.set_num_threads(1)
    bicubic = transforms.InterpolationMode.BICUBIC
    transform = transforms.Compose(
        [
            transforms.RandomResizedCrop(SIZE, scale=(0.2, 1), interpolation=bicubic),
            transforms.RandomHorizontalFlip(),
            transforms.PILToTensor(),
        ]
    )
    return lambda data, box: transform(Image.open(io.BytesIO(data)).convert("RGB"))


def variants():
    """Name to function of (JPEG bytes, box)."""
    quick = dict(fastdct=True, fastupsample=True)
    found = {
        "torchvision with Pillow, bicubic": torchvision_variant(),
        "Pillow, bicubic": by_pillow(FILTERS.BICUBIC),
        "Pillow, bicubic, draft": by_pillow(FILTERS.BICUBIC, draft=True),
        "Pillow, Hamming": by_pillow(FILTERS.HAMMING),
        "Pillow, bilinear": by_pillow(FILTERS.BILINEAR),
        "simplejpeg, Pillow bicubic": by_both(FILTERS.BICUBIC),
        "simplejpeg, Pillow Hamming": by_both(FILTERS.HAMMING),
        "simplejpeg, Pillow bilinear": by_both(FILTERS.BILINEAR),
        "simplejpeg fastdct fastupsample, Pillow Hamming": by_both(FILTERS.HAMMING, **quick),
        "simplejpeg in eighths, Pillow Hamming": scaled(FILTERS.HAMMING),
    }
    if importlib.util.find_spec("cv2"):
        import cv2

        found |= opencv_variants(cv2)
    found[OURS] = own(1)[0]
    found["simplejpeg alone: decoding, no crop"] = lambda data, box: fast(data)
    found["simplejpeg alone, gray"] = lambda data, box: fast(data, colorspace="GRAY")
    return found


def own(seed):
    """The product, which draws its own box and mirrors; and what it drew, to be compared with."""
    drawn = np.random.default_rng(seed)
    rng = np.random.default_rng(seed)

    def crop(data, box):
        return random_crop(data, SIZE, rng)

    def reference(data, box):
        box = Box(*map(int, random_box(*Image.open(io.BytesIO(data)).size, drawn)))
        pixels = by_pillow(FILTERS.BICUBIC)(data, box)
        return pixels[:, ::-1] if drawn.random() < 0.5 else pixels

    return crop, reference


def quality(crop, reference, pictures, boxes):
    """Mean absolute difference and PSNR from the reference."""
    pairs = [
        (crop(data, box).astype(float), reference(data, box))
        for data, box in zip(pictures, boxes, strict=True)
    ]
    psnr = [10 * np.log10(255**2 / max(np.mean((a - b) ** 2), 1e-9)) for a, b in pairs]
    return np.mean([np.abs(a - b).mean() for a, b in pairs]), np.mean(psnr)


def boxes_of(pictures, seed):
    """A random box of each picture."""
    rng = np.random.default_rng(seed)
    sizes = [Image.open(io.BytesIO(data)).size for data in pictures]
    return [Box(*map(int, random_box(*size, rng))) for size in sizes]


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pictures", type=int, default=20)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    module = photographs()
    pictures = module.jpegs(arguments.pictures)
    sharp = module.imagenet_files()
    sharp_boxes = boxes_of(sharp, 0)
    crops = variants()
    seconds = {name: [] for name in crops}
    for number in range(arguments.rounds + 1):
        boxes = boxes_of(pictures, number)
        for name, crop in crops.items():
            start = time.process_time()
            for data, box in zip(pictures, boxes, strict=True):
                crop(data, box)
            seconds[name].append((time.process_time() - start) / len(pictures))
    boxes = boxes_of(pictures, 0)
    base = seconds["torchvision with Pillow, bicubic"]
    print("| variant | pictures/s | ratio | difference | PSNR (dB) | on ImageNet's (dB) |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, values in seconds.items():
        ratio = statistics.median(b / v for b, v in zip(base[1:], values[1:], strict=True))
        row = f"| {name} | {1 / statistics.median(values[1:]):.0f} | {ratio:.2f} "
        if name.startswith(("torchvision", "simplejpeg alone")):
            row += "| | | |"
        else:
            pair = own(2) if name == OURS else (crops[name], by_pillow(FILTERS.BICUBIC))
            difference, psnr = quality(*pair, pictures, boxes)
            row += f"| {difference:.2f} | {min(psnr, 99):.1f} "
            row += f"| {min(quality(*pair, sharp, sharp_boxes)[1], 99):.1f} |"
        print(row)


if __name__ == "__main__":
    main()
