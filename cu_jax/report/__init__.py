"""Pages, figures and tables of runs, made from their files alone, with NumPy; never jax.

Each name is imported on first use (PEP 562): a run draws when it ends, and begins without waiting
for matplotlib.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cu_jax.report.ablation import ablation_closing, write_ablation
    from cu_jax.report.comparison import comparison_closing, write_comparison
    from cu_jax.report.conclusion import closing, summary
    from cu_jax.report.curves import curves_figure
    from cu_jax.report.front import front_figure
    from cu_jax.report.grid import grid_figure
    from cu_jax.report.page import write_page
    from cu_jax.report.pictures import read_pictures, spread
    from cu_jax.report.series import read_series
    from cu_jax.report.table import markdown_table, terminal_table
    from cu_jax.report.workdir import write_report
else:
    _PLACES = {
        "ablation": ("ablation_closing", "write_ablation"),
        "comparison": ("comparison_closing", "write_comparison"),
        "conclusion": ("closing", "summary"),
        "curves": ("curves_figure",),
        "front": ("front_figure",),
        "grid": ("grid_figure",),
        "page": ("write_page",),
        "pictures": ("read_pictures", "spread"),
        "series": ("read_series",),
        "table": ("markdown_table", "terminal_table"),
        "workdir": ("write_report",),
    }

    def __getattr__(name: str) -> Any:
        for place, names in _PLACES.items():
            if name in names:
                return getattr(importlib.import_module(f"{__name__}.{place}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "ablation_closing",
    "closing",
    "comparison_closing",
    "curves_figure",
    "front_figure",
    "grid_figure",
    "markdown_table",
    "read_pictures",
    "read_series",
    "spread",
    "summary",
    "terminal_table",
    "write_ablation",
    "write_comparison",
    "write_page",
    "write_report",
]
