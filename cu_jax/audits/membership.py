r"""Can it be told from a model's errors which forget pictures it was trained on?

An attacker restores forget pictures and takes those with a small error for *members* of the
training set. The area under the ROC curve of that guess is the probability that a member's error
is below a non-member's,

.. math:: \mathrm{AUC} = P(e_{member} < e_{other}) + \tfrac12 P(e_{member} = e_{other}).

Note:
    Lower is not better. What is wanted is a model that cannot be told from one that never saw the
    forget pictures, so the yardstick is the AUC of `retrain`, whatever it is: members and others
    may differ in how hard they are, and a model that was driven to restore members worse than
    others (AUC below that of `retrain`) gives them away just as well.

References:
    DeLong, DeLong and Clarke-Pearson, *Comparing the Areas under Two or More Correlated Receiver
    Operating Characteristic Curves*, Biometrics 44, 1988.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Membership(NamedTuple):
    """How well members are told from others.

    Attributes:
        auc: in [0, 1]; 0.5 is a guess.
        error: its standard error.
        of_members: for each member the share of others with a larger error, ties counted half.
        of_others: for each other picture the share of members with a smaller error, likewise.
    """

    auc: float
    error: float
    of_members: Float[np.ndarray, " m"]
    of_others: Float[np.ndarray, " n"]


def membership(members: Float[np.ndarray, " m"], others: Float[np.ndarray, " n"]) -> Membership:
    r"""The exact AUC of "a smaller error means a member", and its standard error.

    With V the shares of :class:`Membership`, the AUC is the mean of either, and its variance
    :math:`\mathrm{var}(V_{members})/m + \mathrm{var}(V_{others})/n` (DeLong et al.).

    Args:
        members: errors of pictures the original was trained on.
        others: errors of pictures it was not; both at least two.

    Returns:
        AUC, error and shares.

    Raises:
        ValueError: too few pictures, or errors that are not finite.

    Example:
        >>> found = membership(np.array([0.1, 0.2, 0.3]), np.array([0.2, 0.4]))
        >>> round(found.auc, 4), found.of_members.tolist()
        (0.75, [1.0, 0.75, 0.5])
    """
    if min(len(members), len(others)) < 2:
        raise ValueError(
            "Membership needs at least two pictures of each kind, got "
            f"{len(members)} members and {len(others)} others: raise config.audit.pictures."
        )
    if not (np.isfinite(members).all() and np.isfinite(others).all()):
        raise ValueError(
            "Errors of restored pictures must be finite, and some are not: this solution cannot be "
            "audited, leave it out with --solutions."
        )
    of_members = 1 - _below(others, members)
    of_others = _below(members, others)
    return Membership(
        float(of_members.mean()), _error(of_members, of_others), of_members, of_others
    )


def membership_gap(one: Membership, retrain: Membership) -> tuple[float, float]:
    """|AUC - AUC of `retrain`| and the standard error of the difference.

    Both models restore the same pictures, so their shares are compared picture by picture: what
    makes a picture hard for both cancels.

    Args:
        one: of a solution.
        retrain: of `retrain`, on the same pictures.

    Returns:
        The gap, and the error of the signed difference.

    Example:
        >>> same = membership(np.array([0.1, 0.3]), np.array([0.2, 0.4]))
        >>> membership_gap(same, same)
        (0.0, 0.0)
    """
    error = _error(one.of_members - retrain.of_members, one.of_others - retrain.of_others)
    return abs(one.auc - retrain.auc), error


def _below(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """For each of ``at`` the share of ``values`` that are smaller, ties counted half."""
    ordered = np.sort(values)
    ranks = np.searchsorted(ordered, at, "left") + np.searchsorted(ordered, at, "right")
    return ranks / (2 * len(values))


def _error(of_members: np.ndarray, of_others: np.ndarray) -> float:
    parts = (np.var(part, ddof=1) / len(part) for part in (of_members, of_others))
    return float(np.sqrt(sum(parts)))
