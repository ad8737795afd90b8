"""What each quantity of a comparison is called in a table, and how it is written."""

import dataclasses
import math
from collections.abc import Iterable

from cu_jax.report.comparison.statistics import Statistic
from cu_jax.report.table import cell

KINDS = ("retain", "forget")

# Measures in the order of a table, as the names of metrics begin: head, format, and whether a
# larger value is good of pictures to retain. Of pictures to forget the other is good.
_MEASURES = (
    ("fid", "FID", ".1f", False),
    ("kid", "KID", ".3g", False),
    ("kernel_distance", "KID", ".3g", False),
    ("is", "IS", ".2f", True),
    ("inception_score", "IS", ".2f", True),
    ("clip", "CLIP", ".3f", True),
    ("class_consistency", "class", ".1%", True),
    ("psnr", "dB", ".2f", True),
    ("ssim", "SSIM", ".3f", True),
    ("precision", "precision", ".3f", True),
    ("recall", "recall", ".3f", True),
    ("loss_hole", "loss in the hole", ".4f", False),
)
_HOLES = ("_center", "_outpaint", "_random")
_FIXED = {
    "forget_loss": ("f_f", ".3f", ""),
    "retain_loss": ("f_r", ".4f", "↓"),
    "epsilon": ("ε", ".3f", ""),
    "control_error": ("ε error", "+.1%", ""),
    "stationarity": ("stationarity", ".2f", "↓"),
    "updates": ("updates", ".0f", ""),
    "seconds": ("time (s)", ".0f", ""),
}


@dataclasses.dataclass(frozen=True)
class Heading:
    """How one quantity stands in a table.

    Attributes:
        key: The quantity.
        title: Its head, with the network's name where there is one.
        form: Python's format of its numbers.
        better: `↑`, `↓`, or nothing where neither is better.
        kind: `retain` or `forget` pictures, or nothing.

    Example:
        >>> heading("forget/fid_inception2048_500")
        Heading(key='forget/fid_inception2048_500', title='FID inception2048 500', form='.1f',
        better='↑', kind='forget')
    """

    key: str
    title: str
    form: str
    better: str
    kind: str

    @property
    def head(self) -> str:
        """Title and direction."""
        return f"{self.title} {self.better}".rstrip()

    def text(self, number: Statistic) -> str:
        """Mean ± deviation for people; a dash where it is undefined.

        Example:
            >>> heading("retain/psnr").text(Statistic(9.25, 0.5, 3))
            '9.25 ± 0.50'
        """
        # What all seeds share, such as ε, has no deviation to speak of.
        if not math.isfinite(number.deviation) or number.deviation == 0:
            return cell(number.mean, self.form)
        mean = cell(number.mean, self.form).removesuffix(" %")
        deviation = cell(number.deviation, self.form.replace("+", ""))
        return f"{mean} ± {deviation}"


def heading(key: str) -> Heading:
    """The head of a quantity.

    Args:
        key: One of `cu_jax.report.comparison.statistics.quantities`.

    Returns:
        The head; a metric that is not known goes by its own name.

    Example:
        >>> heading("retain/other").head, heading("retain_loss").head
        ('other', 'f_r ↓')
    """
    if key in _FIXED:
        title, form, better = _FIXED[key]
        return Heading(key, title, form, better, "")
    kind, _, name = key.partition("/")
    measure = _measure(name)
    if measure is None:
        return Heading(key, name.replace("_", " "), ".4g", "", kind)
    start, title, form, larger = measure
    detail = name.removeprefix(start).replace("_", " ").strip()
    # Scaled parts of a measure (a deviation) have no better direction.
    better = "↑" if larger is (kind == "retain") else "↓"
    return Heading(key, f"{title} {detail}".strip(), form, better, kind)


def of_kind(keys: Iterable[str], kind: str, *, main: bool = False) -> list[Heading]:
    """The heads of one kind's metrics, in the order of a table.

    Args:
        keys: Quantities.
        kind: `retain` or `forget`.
        main: Whether to leave out further holes, and measures beside FID, IS, CLIP, class and dB.

    Example:
        >>> keys = ["retain/psnr", "retain/fid_digits64_500", "forget/psnr", "retain/psnr_center4"]
        >>> [h.title for h in of_kind(keys, "retain", main=True)]
        ['FID digits64 500', 'dB']
    """
    found = [heading(key) for key in keys if key.partition("/")[0] == kind]
    if main:
        wanted = {"FID", "IS", "CLIP", "class", "dB"}
        found = [
            h
            for h in found
            if h.title.split()[0] in wanted and not any(hole in h.key for hole in _HOLES)
        ]
    places = {measure[0]: i for i, measure in enumerate(_MEASURES)}

    def place(found: Heading) -> tuple[bool, int, str]:
        measure = _measure(found.key.partition("/")[2])
        in_hole = any(hole in found.key for hole in _HOLES)
        return in_hole, places[measure[0]] if measure else len(places), found.key

    return sorted(found, key=place)


def _measure(name: str) -> tuple[str, str, str, bool] | None:
    """The measure whose name, alone or before an underscore, a metric's begins with."""
    return next((m for m in _MEASURES if name == m[0] or name.startswith(f"{m[0]}_")), None)
