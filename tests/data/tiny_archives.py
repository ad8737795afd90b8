"""ImageNet-1K and Places365 in their published layouts, with a few small pictures.

``imagenet_archives(folder, pictures, classes_per_set=2, …)`` and ``places_archives`` write what
``python -m cu_jax.data.prepare`` takes; ``imagenet_folders`` and ``places_folders`` write the same
pictures as class folders. Keywords are those of ``NamedSplit``. Each returns the files that it
wrote by their ids, with their bytes, all different.
"""

import io
import itertools
import tarfile

from cu_jax.data.published.choosing import chosen_classes, ranked_classes
from cu_jax.data.published.class_lists import class_names, imagenet_validation
from cu_jax.data.published.splits import NamedSplit

SMALL = {"classes_per_set": 2, "train_per_class": 3, "validation_per_class": 2}
GARBAGE = b"nobody reads this"
NO_PICTURE = {"notes.txt": b"of another program"}


def imagenet_files(pictures, **settings):
    """Pictures by id; the classes of no set hold garbage."""
    split = NamedSplit("imagenet", **(SMALL | settings))
    pictures = _different(pictures)
    retain, forget, proxies = chosen_classes(split)
    files = {}
    for label in sorted([*retain, *forget, *proxies]):
        for number in range(1, split.counts.train + 3):
            files[f"train/{label}/{label}_{number}.JPEG"] = next(pictures)
    for label in sorted([*retain, *forget]):
        for number in imagenet_validation()[label]:
            files[f"val/ILSVRC2012_val_{number:08d}.JPEG"] = next(pictures)
    for label in _others("imagenet", [*retain, *forget, *proxies]):
        files[f"train/{label}/{label}_1.JPEG"] = GARBAGE
        number = imagenet_validation()[label][0]
        files[f"val/ILSVRC2012_val_{number:08d}.JPEG"] = GARBAGE
    return files


def imagenet_archives(folder, pictures, **settings):
    files = imagenet_files(pictures, **settings)
    classes = {}
    for name in files:
        if name.startswith("train/"):
            classes.setdefault(name.split("/")[1], []).append(name)
    inner = {
        f"{label}.tar": tar_bytes(NO_PICTURE | {name.split("/")[-1]: files[name] for name in names})
        for label, names in classes.items()
    }
    validation = {n.split("/")[-1]: data for n, data in files.items() if n.startswith("val/")}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ILSVRC2012_img_train.tar").write_bytes(tar_bytes(inner))
    (folder / "ILSVRC2012_img_val.tar").write_bytes(tar_bytes(validation))
    return files


def imagenet_folders(folder, pictures, flat=False, **settings):
    files = imagenet_files(pictures, **settings)
    classes = {n: label for label, numbers in imagenet_validation().items() for n in numbers}
    for name, data in files.items():
        part, _, file = name.partition("/")
        if part == "val" and not flat:
            file = f"{classes[int(name[-13:-5])]}/{file}"
        _write(folder / part / file, data)
        for name, text in NO_PICTURE.items():
            _write((folder / part / file).with_name(name), text)
    return files


def places_files(pictures, **settings):
    """Pictures by id, and the class of each; the classes of no set hold garbage."""
    split = NamedSplit("places365", **(SMALL | settings))
    pictures = _different(pictures)
    count, train, held_out = split.counts
    if split.split == "paper":
        ranked = ranked_classes(split, class_names("places365"))
        # The second has too few training pictures, so the one after the last is taken too.
        enough = [*ranked[:1], *ranked[2 : 2 * count + 1]]
        sizes = dict.fromkeys(enough, train + held_out + 2) | {ranked[1]: train + held_out - 1}
    else:
        retain, forget, proxies = chosen_classes(split)
        sizes = dict.fromkeys(sorted([*retain, *forget, *proxies]), train + 2)
    files, classes = {}, {}
    numbers = itertools.count(1)
    for label in [*sorted(sizes), *_others("places365", sizes)]:
        for number in range(1, sizes.get(label, 1) + 1):
            name = f"train/{label[0]}/{label}/{number:08d}.jpg"
            files[name] = next(pictures) if label in sizes else GARBAGE
            classes[name] = label
        for _ in range(held_out + 1):
            name = f"val/Places365_val_{next(numbers):08d}.jpg"
            files[name] = next(pictures) if label in sizes else GARBAGE
            classes[name] = label
    return files, classes


def places_archives(folder, pictures, **settings):
    files, classes = places_files(pictures, **settings)
    folder.mkdir(parents=True, exist_ok=True)
    for archive, old, new in (
        ("train_256_places365standard.tar", "train/", "data_256/"),
        ("val_256.tar", "val/", "val_256/"),
    ):
        inside = {n.replace(old, new): data for n, data in files.items() if n.startswith(old)}
        (folder / archive).write_bytes(tar_bytes(inside))
    lists = {name: text.encode() for name, text in places_lists(classes).items()}
    (folder / "filelist_places365-standard.tar").write_bytes(tar_bytes(lists))
    return files


def places_folders(folder, pictures, flat=False, **settings):
    """Class folders; flat leaves the validation pictures unsorted, with the lists beside them."""
    files, classes = places_files(pictures, **settings)
    for name, data in files.items():
        part, _, file = name.partition("/")
        if part == "val" and not flat:
            label = classes[name]
            file = f"{label[0]}/{label}/{label.replace('/', '_')}_{file}"
        _write(folder / f"{part}_256" / file, data)
        for name, text in NO_PICTURE.items():
            _write((folder / f"{part}_256" / file).with_name(name), text)
    if flat:
        for name, text in places_lists(classes).items():
            _write(folder / name, text.encode())
    return files


def places_lists(classes):
    """The texts of the file list."""
    number = {label: index for index, label in enumerate(class_names("places365"))}
    train = [f"{n.removeprefix('train')} {number[c]}" for n, c in classes.items() if n[0] == "t"]
    val = [f"{n.removeprefix('val/')} {number[c]}" for n, c in classes.items() if n[0] == "v"]
    return {
        "categories_places365.txt": "".join(f"/{c[0]}/{c} {i}\n" for c, i in number.items()),
        "places365_train_standard.txt": "\n".join(train) + "\n",
        "places365_val.txt": "\n".join(val) + "\n",
    }


def _different(pictures):
    """The pictures over and over, each with a comment of its own."""
    for number, picture in enumerate(itertools.cycle(pictures)):
        comment = str(number).encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        yield picture[:2] + segment + picture[2:]


def _others(family, taken):
    return [label for label in class_names(family) if label not in taken][:3]


def tar_bytes(files):
    """A tar archive; a value may be a TarInfo for a member that is no plain file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in files.items():
            if isinstance(data, tarfile.TarInfo):
                archive.addfile(data)
                continue
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def _write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
