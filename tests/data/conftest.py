import pytest

from cu_jax.config import default_config
from cu_jax.data import open_data
from cu_jax.data.prepare import main


def make_config(data_dir, **changes):
    settings = default_config().data
    settings.update(
        name="mnist5k",
        retain=("0", "1", "2", "3", "4"),
        forget=("5", "6", "7", "8", "9"),
        validation_per_class=100,
        data_dir=str(data_dir),
    )
    settings.update(changes)
    return settings


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def config(data_dir):
    return lambda **changes: make_config(data_dir, **changes)


@pytest.fixture(scope="session")
def data(config):
    return open_data(config(), (28, 28, 1))


@pytest.fixture(scope="session")
def tiny_archives(load_module):
    """The module with data sets in their published layouts, ``tiny_archives.py``."""
    return load_module("data/tiny_archives")


@pytest.fixture(scope="session")
def small_pictures(photographs):
    """Four small crops of photographs, and one of ImageNet's own files."""
    return [*photographs.jpegs(4, width=40, height=30), min(photographs.imagenet_files(), key=len)]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory, photographs):
    """Six pictures each of cats, dogs and, one level deeper, gray owls; and a text."""
    root = tmp_path_factory.mktemp("pictures")
    files = iter(photographs.jpegs(18, width=80, height=60))
    for label in ("cat", "dog", "birds/owl"):
        (root / label).mkdir(parents=True)
        for number in range(6):
            (root / label / f"{number}.jpg").write_bytes(next(files))
    (root / "cat" / "notes.txt").write_text("not a picture, and not called one")
    return root


@pytest.fixture
def opened(pictures, tmp_path, config):
    def open_it(**changes):
        empty = dict(name="", retain=("",), forget=("",), validation_per_class=None)
        settings = config(**empty, folder=str(pictures))
        settings.data_dir = str(tmp_path / "data")
        settings.update(changes)
        return open_data(settings, (48, 48, 3))

    return open_it


@pytest.fixture(scope="session")
def preparing(load_module):
    """The module with small preparations, ``preparing.py``."""
    return load_module("data/preparing")


@pytest.fixture(scope="session")
def layouts(preparing, tiny_archives, small_pictures):
    """Writes a data set in one of its layouts and returns its files by their ids."""

    def write(family, layout, folder, **settings):
        settings, pictures = preparing.FEW | settings, small_pictures
        if family == "imagenet" and layout == "archives":
            return tiny_archives.imagenet_archives(folder, pictures, **settings)
        if family == "imagenet":
            return tiny_archives.imagenet_folders(folder, pictures, layout == "flat", **settings)
        if layout == "archives":
            return tiny_archives.places_archives(folder, pictures, **settings)
        return tiny_archives.places_folders(folder, pictures, layout == "flat", **settings)

    return write


@pytest.fixture(scope="session")
def prepared(preparing, layouts, tmp_path_factory):
    """ImageNet's archives and what is prepared from them."""
    folder = tmp_path_factory.mktemp("prepared")
    files = layouts("imagenet", "archives", folder / "from")
    assert main(preparing.command("imagenet", folder / "from", folder / "data")) == 0
    return folder, files
