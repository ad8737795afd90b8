"""Fixed two-dimensional sine-cosine positions: computed by models, stored in published files."""

import numpy as np
from jaxtyping import Float


def sincos_table(width: int, grid: int) -> Float[np.ndarray, "tokens width"]:
    """The positions of a square grid of patches, a zero row for the class token first.

    Half of the width encodes the column, then half the row; each half is ``[sin, cos]`` of the
    coordinate times ``10000^(-i / (width / 4))``. Computed in float64, returned in float32.

    Args:
        width: a multiple of 4.
        grid: patches along a side.

    Returns:
        float32 ``[1 + grid², width]``, patches row by row.

    Example:
        >>> sincos_table(8, 7).shape
        (50, 8)
    """
    omega = 1.0 / 10000 ** (np.arange(width // 4, dtype=np.float64) / (width / 4))
    row, column = np.meshgrid(np.arange(grid), np.arange(grid), indexing="ij")

    def half(coordinate: np.ndarray) -> np.ndarray:
        angle = coordinate.reshape(-1, 1) * omega
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)

    table = np.concatenate([half(column), half(row)], axis=1)
    return np.concatenate([np.zeros((1, width)), table]).astype(np.float32)
