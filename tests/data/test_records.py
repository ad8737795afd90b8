"""Prepared records that are gone, cut or changed are named in a sentence."""

import shutil

import pytest

from cu_jax.data import mnist5k
from cu_jax.refusals import refusal


def _gone(file):
    file.unlink()


def _cut(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def _changed(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 8
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [_gone, _cut, _changed])
def test_damaged_records_are_refused_in_a_sentence(damage, tmp_path):
    whole = mnist5k.open_mnist5k(tmp_path / "whole")
    assert len(list(whole)) == 5000  # every one, and then the end
    shutil.copytree(tmp_path / "whole", tmp_path / "damaged")
    (file,) = (tmp_path / "damaged").rglob("*.array_record*")
    damage(file)
    pictures = mnist5k.open_mnist5k(tmp_path / "damaged")
    with pytest.raises(ValueError, match="must be whole, and one in .*damaged/mnist5k/1.0.0") as no:
        for index in range(len(pictures)):
            pictures[index]
    assert refusal(no.value) == str(no.value)
    assert "remove it and prepare it anew" in str(no.value)
