"""The records of a data set that TFDS has prepared, which may be damaged on the disk."""

import operator
from collections.abc import Sequence
from typing import Any

import tensorflow_datasets as tfds


class Records(Sequence[dict[str, Any]]):
    """The records of a split, their pictures undecoded; threads may share it.

    Args:
        builder: a builder whose data is prepared as ``array_record``.
        split: name of the split.

    Raises:
        ValueError: when a record is asked for whose file is gone, cut or changed: the format keeps
            a hash of each part.
        IndexError: when there is no such record; they are counted from the first one only.
    """

    def __init__(self, builder: tfds.core.DatasetBuilder, split: str) -> None:
        self._folder = builder.data_dir
        self._source: Sequence[Any] = builder.as_data_source(
            split, decoders={"image": tfds.decode.SkipDecoding()}
        )

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= operator.index(index) < len(self):
            raise IndexError(index)  # what ends a loop over them
        try:
            return self._source[index]
        except RuntimeError as error:  # the only kind that array_record raises, whatever is wrong
            raise ValueError(
                f"The records of prepared data must be whole, and one in {self._folder} cannot be "
                f"read ({str(error).partition(';')[0]}): copy the folder again, or remove it and "
                "prepare it anew."
            ) from error
