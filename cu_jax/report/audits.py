"""The audits of a run as a table: has a solution forgotten, or only hidden it?"""

import dataclasses
from collections.abc import Callable, Sequence

from cu_jax.report.palette import looks, ordered
from cu_jax.report.table import aligned, cell
from cu_jax.results import RETRAIN, Audit, Audits, Solution

WITHOUT_RETRAIN = (
    "This run has no solution called retrain, a model pretrained on the retain set alone, which is "
    "the yardstick of an audit; what is measured against it is left out: let the run make one and "
    "audit again."
)


@dataclasses.dataclass(frozen=True)
class AuditColumn:
    """One column of the table.

    Attributes:
        title: Head of the column; the first word stands above the others.
        meaning: One sentence for the legend.
        text: The cell of an audit, given `retrain`'s; a dash where it does not apply.

    Example:
        >>> column = AuditColumn("forget dB", "PSNR.", lambda a, r: cell(a.forget_psnr, ".1f"))
        >>> column.text(Audit(name="complete", forget_psnr=6.41), None)
        '6.4'
    """

    title: str
    meaning: str
    text: Callable[[Audit, Audit | None], str]


def audit_columns(audits: Audits) -> list[AuditColumn]:
    """The columns that hold something, in the order of the audits.

    Args:
        audits: A run's audits.

    Example:
        >>> audit = Audit(name="complete", relearning_updates=20, probe_forget=0.9)
        >>> audits = Audits(config_hash="c0", manifest_hash="m0", seed=0, audits=(audit,))
        >>> [column.title for column in audit_columns(audits)]
        ['relearned after', 'pictures seen', 'different ones', 'probe forget']
    """
    share = "Updates over retrain's: about 1, as hard as for a model that never saw them; much"
    found = [
        AuditColumn(
            "forget dB",
            "PSNR in the hole of forget validation pictures, before it relearns.",
            lambda a, r: cell(a.forget_psnr, ".1f"),
        ),
        AuditColumn(
            "relearned after",
            "Updates of ordinary training on forget pictures until that PSNR was back near the "
            "original's; > where it never was.",
            lambda a, r: f"{'' if a.relearning_reached else '> '}{a.relearning_updates}",
        ),
        AuditColumn(
            "pictures seen",
            "Forget pictures in these updates.",
            lambda a, r: str(a.relearning_pictures),
        ),
        AuditColumn("different ones", "Of them.", lambda a, r: str(a.relearning_distinct)),
        AuditColumn("of retrain's", f"{share} below 1, it was only hidden.", _share),
        AuditColumn(
            "probe retain",
            "Accuracy of a linear classifier of the encoder's features, retain classes.",
            lambda a, r: cell(a.probe_retain, ".1%"),
        ),
        AuditColumn(
            "probe forget",
            "The same of the forget classes; retrain's row is what a model reads that never saw "
            "them.",
            lambda a, r: cell(a.probe_forget, ".1%"),
        ),
        AuditColumn(
            "membership AUC",
            "How well forget training pictures are told from forget validation pictures by their "
            "error; 0.5 is a guess; ± one standard error.",
            lambda a, r: _with_error(a.membership_auc, a.membership_error),
        ),
        AuditColumn(
            "AUC gap",
            "|AUC − retrain's AUC|: the yardstick is retrain, not the lowest number.",
            lambda a, r: _with_error(a.membership_gap, a.membership_gap_error),
        ),
        AuditColumn(
            "RMS retain",
            "Difference of restored pixels, of 0 to 1, from retrain's: root mean square, retain "
            "validation pictures.",
            lambda a, r: cell(a.distance_retain, ".3f"),
        ),
        AuditColumn(
            "RMS forget",
            "The same of forget validation pictures.",
            lambda a, r: cell(a.distance_forget, ".3f"),
        ),
    ]
    missing = cell(None, "")
    yardstick = audits.retrain
    return [c for c in found if any(c.text(a, yardstick) != missing for a in audits.audits)]


def audit_rows(audits: Audits, solutions: Sequence[Solution] = ()) -> list[list[str]]:
    """The cells of the table.

    Args:
        audits: A run's audits.
        solutions: Those of results.json, for order and labels; those it has not come first.

    Returns:
        A header and one row an audit.

    Example:
        >>> audit = Audit(name="control_0.5", relearning_updates=300, relearning_pictures=9600)
        >>> audits = Audits(config_hash="c0", manifest_hash="m0", seed=0, audits=(audit,))
        >>> audit_rows(audits)[1]
        ['control 0.5', '> 300', '9600', '0']
    """
    shown, yardstick, styles = audit_columns(audits), audits.retrain, looks(solutions)
    place = {s.name: number for number, s in enumerate(ordered(solutions))}
    first = {"original": -2, RETRAIN: -1}
    by_name = {a.name: a for a in audits.audits}
    names = sorted(by_name, key=lambda name: first.get(name, place.get(name, -1)))
    rows = [["solution", *(column.title for column in shown)]]
    for name in names:
        label = styles[name].label if name in styles else name.replace("_", " ")
        rows.append([label, *(column.text(by_name[name], yardstick) for column in shown)])
    return rows


def audit_text(audits: Audits, solutions: Sequence[Solution] = ()) -> str:
    """The table for the terminal, and a sentence where there is no `retrain`.

    Args:
        audits: A run's audits.
        solutions: Those of results.json.

    Returns:
        Lines without a newline at the end.

    Example:
        >>> audit = Audit(name="control_0.5", relearning_updates=300, relearning_pictures=9600)
        >>> audits = Audits(config_hash="c0", manifest_hash="m0", seed=0, audits=(audit,))
        >>> print(audit_text(audits).partition("This")[0])
                     relearned  pictures  different
        solution         after      seen       ones
        -------------------------------------------
        control 0.5      > 300      9600          0
    """
    table = aligned(audit_rows(audits, solutions))
    return table if audits.retrain is not None else f"{table}\n\n{WITHOUT_RETRAIN}"


def _share(audit: Audit, yardstick: Audit | None) -> str:
    share = audit.relearning_share
    if share is None or yardstick is None:
        return cell(None, "")
    if not share:
        return "0"
    bound = ">" if not audit.relearning_reached else "<" if not yardstick.relearning_reached else ""
    return f"{bound} {share:.2f}".strip()


def _with_error(value: float | None, error: float | None) -> str:
    if value is None or error is None:
        return cell(value, ".3f")
    return f"{value:.3f} ± {error:.3f}"
