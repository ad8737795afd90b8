"""One point of growth with the number of pictures, in a process of its own: prints a JSON object.

    python tests/benchmarks/growth_axes/pictures.py COUNT FOLDER

The pictures are one small JPEG under COUNT different names, prepared in FOLDER as a named split of
ImageNet on first use. Then a fresh process does what a run does at its start: opens the split,
writes its own list of it, and reads batches from the beginning, from a later step, and from one far
away. Processor seconds are those of all threads.
"""

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from cu_jax.config import default_config
from cu_jax.data import open_data, training_iterator
from cu_jax.data.preparation import prepare
from cu_jax.data.published.builders import CuImagenet, SplitConfig
from cu_jax.data.published.class_lists import class_names
from cu_jax.data.published.originals import Original
from cu_jax.data.published.splits import NamedSplit
from cu_jax.inventory import check_pictures

CLASSES, BATCH, BATCHES, SIDE = 10, 32, 200, 16
FAR = 1_000_000  # batches


def split_of(count):
    """A tenth of the pictures is for validation."""
    each = count // (2 * CLASSES)
    return NamedSplit("imagenet", "paper", 0, CLASSES, each - each // 10, each // 10)


def write(count, folder):
    """Prepares the pictures as the command does, but for decoding the one picture COUNT times."""
    split = split_of(count)
    labels = class_names("imagenet")
    numbers = {"train": split.counts.train, "validation": split.counts.validation}
    originals = {}
    for place, name in enumerate(("retain", "forget")):
        classes = sorted(labels[place * CLASSES : (place + 1) * CLASSES])
        for kind, number in numbers.items():
            originals[f"{name}/{kind}"] = [
                Original(f"{kind}/{label}/{label}_{index:07d}", label, Path("none"))
                for label in classes
                for index in range(number)
            ]
    picture = io.BytesIO()
    Image.radial_gradient("L").resize((SIDE, SIDE)).convert("RGB").save(picture, format="JPEG")
    CuImagenet._checked = lambda self, work: (*work, picture.getvalue(), None)
    config = SplitConfig(name=split.name, description=split.name, originals=originals)
    prepare(CuImagenet, folder, config)


def opening(count, folder):
    """Name to number: what a run's start takes with so many pictures."""
    split = split_of(count).counts
    config = default_config().data
    config.update(name="cu_imagenet", split="paper", data_dir=str(folder), classes_per_set=CLASSES)
    config.update(train_per_class=split.train, validation_per_class=split.validation)
    found = {"bare": memory("VmRSS")}
    with timed(found, "open"):
        data = open_data(config, (SIDE, SIDE, 3))
    found["opened"] = memory("VmRSS")
    with tempfile.TemporaryDirectory() as workdir, timed(found, "list"):
        check_pictures(Path(workdir), data, begun=False, max_bad_fraction=0.01)
    found["listed"] = memory("VmRSS")
    with timed(found, "hash"):
        assert data.manifest.hash
    with timed(found, "first"):
        iterator = batches(data)
        next(iterator)
    for name, start in (("early", 1), ("late", FAR)):
        # What a resumed run does: a new iterator, set to the step.
        with timed(found, f"resume_{name}"):
            iterator = batches(data)
            iterator.set_state(position(iterator.get_state(), start))
            next(iterator)
        with timed(found, name):
            for _ in range(BATCHES):
                next(iterator)
        found[name] /= BATCHES
        found[f"{name}_wall"] /= BATCHES
    found["read"] = memory("VmRSS")
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return found


def batches(data):
    return training_iterator(data, batch_size=BATCH, seed=0, augment="random_crop")


def position(state, step):
    """A state of Grain's iterator, moved to another step."""
    text = state.decode() if isinstance(state, bytes) else json.dumps(state)
    tree = json.loads(text)
    assert list(tree) == ["next_index"], text
    text = json.dumps({"next_index": step})
    return text.encode() if isinstance(state, bytes) else json.loads(text)


def memory(name):
    """A number of the process's status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


@contextlib.contextmanager
def timed(found, name):
    wall, began = time.perf_counter(), time.process_time()
    yield
    found[name] = time.process_time() - began
    found[f"{name}_wall"] = time.perf_counter() - wall


def main():
    count, folder = int(sys.argv[1]), Path(sys.argv[2])
    if len(sys.argv) == 4:
        write(count, folder)
        return
    if not (folder / "cu_imagenet" / split_of(count).name).is_dir():
        # In another process, whose memory is not counted.
        subprocess.run([sys.executable, *sys.argv, "write"], check=True)
    print(json.dumps(opening(count, folder)))
    sys.stdout.flush()
    os._exit(0)  # Grain's threads still read ahead.


if __name__ == "__main__":
    main()
