"""From JPEG files to batches of crops: cu_jax's pipeline against torchvision's.

    python -m pip install torchvision
    python tests/benchmarks/peers/pictures.py [--workers 2] [--batch 32] [--side 224]

A folder of JPEGs of 500 x 375 pixels in two classes; random crops of a fifth to all of each,
mirrored half of the time. `ours` is cu_jax's training iterator, with threads; it gives uint8, which
a step scales on its device. `torchvision` is `ImageFolder`, `RandomResizedCrop` (bicubic, as in the
masked autoencoder's own program) and a `DataLoader` with as many worker processes; it gives uint8
too. `normalized` adds `ToTensor` and `Normalize`, the ordinary way. `--step` is how many pictures a
second an update takes in, to be printed beside.
"""

import argparse
import importlib.util
import statistics
import tempfile
import time
from pathlib import Path

import timing
from absl import flags
from torch.utils.data import DataLoader, RandomSampler
from torchvision import datasets, transforms

from cu_jax.config import default_config
from cu_jax.data import open_data, training_iterator

CLASSES = ("cat", "dog")
REST = 2.0
"""Seconds before a turn, in which the others fill what they make ahead."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def write_folder(folder, count):
    """Writes so many JPEGs of each class."""
    path = Path(__file__).parents[2] / "photographs.py"
    spec = importlib.util.spec_from_file_location("photographs", path)
    photographs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(photographs)
    for seed, name in enumerate(CLASSES):
        (folder / name).mkdir()
        for number, data in enumerate(photographs.jpegs(count, seed=seed)):
            (folder / name / f"{number:05d}.jpg").write_bytes(data)


def ours(folder, cache, args):
    """cu_jax's batches: as many pictures as ``--batch`` says, half of each set."""
    config = default_config().data
    config.update(folder=str(folder), forget=CLASSES[:1], retain=CLASSES[1:], data_dir=str(cache))
    config.validation_per_class = 1
    data = open_data(config, (args.side, args.side, 3))
    return training_iterator(
        data, batch_size=args.batch // 2, seed=0, augment="random_crop", num_threads=args.workers
    )


def torchvision(folder, args, normalized):
    """torchvision's batches, endless."""
    bicubic = transforms.InterpolationMode.BICUBIC
    crop = transforms.RandomResizedCrop(args.side, scale=(0.2, 1.0), interpolation=bicubic)
    last = [transforms.PILToTensor()]
    if normalized:
        last = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    made = transforms.Compose([crop, transforms.RandomHorizontalFlip(), *last])
    files = datasets.ImageFolder(folder, made)
    endless = RandomSampler(files, replacement=True, num_samples=2**40)
    loader = DataLoader(
        files, args.batch, sampler=endless, num_workers=args.workers, pin_memory=timing.CUDA
    )
    return iter(loader)


def in_turns(iterators, args):
    """Median seconds in which each gives ``--batches``, one iterator after the other.

    Batches that were made ahead while nobody asked are not timed.
    """
    ahead, seconds = 2 * args.workers + 2, {name: [] for name in iterators}
    for _ in range(args.rounds):
        for name, iterator in iterators.items():
            time.sleep(REST)
            for _ in range(ahead):
                next(iterator)
            began = time.perf_counter()
            for _ in range(args.batches):
                next(iterator)
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--workers", type=int, default=timing.where()["cores"])
    parser.add_argument("--pictures", type=int, default=512, help="of each class")
    parser.add_argument("--batches", type=int, default=16, help="timed at once")
    parser.add_argument("--step", type=float, help="pictures a second that a step takes in")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median is taken")
    parser.add_argument("--json", help="a file for what was measured")
    args = parser.parse_args()
    flags.FLAGS.mark_as_parsed()  # Grain wants it.
    with tempfile.TemporaryDirectory() as place:
        folder, cache = Path(place, "pictures"), Path(place, "cache")
        folder.mkdir()
        write_folder(folder, args.pictures)
        # Its processes are made before our threads run.
        iterators = {
            "torchvision": torchvision(folder, args, normalized=False),
            "normalized": torchvision(folder, args, normalized=True),
            "ours": ours(folder, cache, args),
        }
        seconds = in_turns(iterators, args)
    print(f"\n{args.workers} workers, batches of {args.batch}, {args.side} pixels, "
          f"{timing.where()}\n")  # fmt: skip
    rows = {name: {"seconds": value} for name, value in seconds.items()}
    records = timing.table(rows, "ours", "pictures", args.batches * args.batch)
    if args.step:
        print(f"\nA step takes in {args.step:.0f} pictures/s, {records['ours']['rate']:.0f} come.")
    timing.write(args.json, arguments=vars(args), rows=records)


if __name__ == "__main__":
    main()
