"""The page of a run: ``report.html``, one file that needs nothing else, not even a network."""

from cu_jax.report.page.writing import PAGE_NAME, write_page

__all__ = ["PAGE_NAME", "write_page"]
