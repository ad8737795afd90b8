import pytest

from cu_jax.config import default_config
from cu_jax.data import open_data


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
