"""A data set of encoded pictures whose manifest is known: what every opener of files returns."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cu_jax.data.manifest import Manifest


class BadPicture(NamedTuple):
    """A picture that was left out.

    Attributes:
        name: of the file or archive member, as the user knows it.
        reason: what is wrong with it, to follow the name: ``is empty``, ``is cut short``.
    """

    name: str
    reason: str


@dataclasses.dataclass(frozen=True, eq=False)
class Collection:
    """Encoded pictures (JPEG, PNG, …) by set and split, read when they are asked for.

    Attributes:
        manifest: which picture is in which set and split; its hashes are those of the files' bytes.
        class_names: names of the data set's classes; a label is an index into them.
        files: ``"retain/train"`` and so on to the pictures' bytes, in the manifest's order; safe
            to read from several threads at once.
        bad: the pictures that were left out.
    """

    manifest: Manifest
    class_names: tuple[str, ...]
    files: Mapping[str, Sequence[bytes]]
    bad: tuple[BadPicture, ...] = ()
