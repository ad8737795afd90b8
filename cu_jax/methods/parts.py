"""Which part of a model moves: a way to split its parameters and to join them again."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cu_jax.models import Model, Params


class Parts(NamedTuple):
    """A split of a whole model's parameters.

    Attributes:
        split: ``params -> (trained, kept)``.
        merge: the inverse.
    """

    split: Callable[[Params], tuple[Params, Params]]
    merge: Callable[[Params, Params], Params]


def encoder_alone(model: Model) -> Parts:
    """The encoder moves and the rest, which paints, stays: what unlearning does by default."""
    return Parts(model.split, model.merge)


def all_but(fixed: Sequence[str]) -> Parts:
    """Everything moves but for the named parts.

    Args:
        fixed: keys of the parameters' dict: ``model.fixed``.

    Returns:
        The split.

    Example:
        >>> all_but(["tokenizer"]).split({"encoder": 1, "tokenizer": 2})
        ({'encoder': 1}, {'tokenizer': 2})
    """

    def split(params: Params) -> tuple[Params, Params]:
        kept = {name: params[name] for name in fixed}
        return {name: part for name, part in params.items() if name not in kept}, kept

    return Parts(split, lambda trained, kept: trained | kept)
