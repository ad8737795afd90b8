r"""Noise schedules of diffusion: how much of a picture is left after each step.

With :math:`\gamma_t = \prod_{s \le t} (1 - \beta_s)`, a picture x under noise ε is
:math:`y = \sqrt{\gamma_t}\, x + \sqrt{1 - \gamma_t}\, \epsilon`. All is computed on the host, in
float64. Models compute with schedules, and published files store them.

References:
    Ho et al., *Denoising Diffusion Probabilistic Models*, NeurIPS 2020, arXiv 2006.11239.
"""

import dataclasses

import numpy as np
from jaxtyping import Float


@dataclasses.dataclass(frozen=True)
class NoiseSchedule:
    """A linear noise schedule: β rises evenly from ``start`` to ``end`` in ``length`` steps.

    The defaults are those that the published Places2 model was trained with.

    Args:
        length: steps T, at least 2.
        start: β of the first step, in (0, end].
        end: β of the last step, below 1.

    Raises:
        ValueError: for other numbers.

    Note:
        A schedule is a value that whoever trains or samples is given. In the published program it
        lies in the checkpoint, from where it silently takes the place of the one that was asked
        for.

    Example:
        >>> f"{NoiseSchedule().gammas[-1]:.2g}"
        '4.4e-05'
    """

    length: int = 2000
    start: float = 1e-6
    end: float = 1e-2

    def __post_init__(self) -> None:
        """Checks the numbers before anything is compiled."""
        if self.length < 2 or not 0 < self.start <= self.end < 1:
            raise ValueError(
                "A noise schedule must have at least 2 steps and noise that rises between 0 and 1, "
                f"got {self.length} steps from {self.start:g} to {self.end:g}: change "
                "config.model.schedule."
            )

    @property
    def betas(self) -> Float[np.ndarray, " length"]:
        """float64 β of every step."""
        return np.linspace(self.start, self.end, self.length)

    @property
    def gammas(self) -> Float[np.ndarray, " length"]:
        """float64 γ after every step, falling from almost 1."""
        return np.cumprod(1 - self.betas)
