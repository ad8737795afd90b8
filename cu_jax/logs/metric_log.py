"""Where the numbers of a run go: metrics.jsonl and TensorBoard events, behind clu's writer methods.

``clu.metric_writers`` imports TensorFlow, which this package does without; `MetricLog` has the
methods and signatures of clu's ``MetricWriter``, so code written for that one takes it as it is.
"""

import itertools
import json
import logging
import math
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from tensorboardX import summary as events
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary

from cu_jax.logs.lines import drop_lines, drop_torn_line

_logger = logging.getLogger(__name__)
_opened = itertools.count()

# Seconds between writes of the buffered events to the disk.
_FLUSH_EVERY = 10.0


class MetricLog:
    """Appends the numbers of each step to ``metrics.jsonl`` and to TensorBoard's event file.

    A line is ``{"stage": "control_0.25", "step": 17, "retain_loss": 0.05, …}``; an undefined number
    (NaN or infinite) is null. In TensorBoard the same number has the tag ``stage/key``. A resumed
    run appends; what its stages do again is taken out first (:meth:`rewind`).

    Args:
        workdir: The run's folder; made if it is missing.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with MetricLog(folder) as log:
        ...         log.log_step("utility", 1, {"retain_loss": 0.5, "cosine": float("nan")})
        ...     print(Path(folder, "metrics.jsonl").read_text())
        {"stage": "utility", "step": 1, "retain_loss": 0.5, "cosine": null}
    """

    def __init__(self, workdir: str | os.PathLike[str]):
        folder = Path(workdir)
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "metrics.jsonl"
        # Only lines of an earlier process can be too many.
        self._resumed = self._path.exists() and self._path.stat().st_size > 0
        if self._resumed:
            drop_torn_line(self._path)
        self._lines = self._path.open("a", encoding="utf-8")
        # tensorboardX names the file by the second, and would truncate one of the same name.
        suffix = f".{os.getpid()}.{next(_opened)}"
        self._events = EventsWriter(str(folder / "events"), suffix)
        self._flushed = time.monotonic()
        self._unsupported: set[str] = set()

    def log_step(self, stage: str, step: int, scalars: Mapping[str, Any]) -> None:
        """Writes the numbers of one step.

        Args:
            stage: Name of the stage, e.g. `control_0.25`.
            step: Step within the stage.
            scalars: Name to a number (Python, NumPy or an array of one element on any device; an
                array on a device is waited for).
        """
        self.log_steps(stage, [(step, scalars)])

    def log_steps(self, stage: str, steps: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Writes the numbers of several steps at once, which costs one write to the file.

        Args:
            stage: Name of the stage.
            steps: Pairs (step within the stage, scalars) as in `log_step`.
        """
        lines = []
        for step, scalars in steps:
            numbers = {key: _number(value) for key, value in scalars.items()}
            finite = {k: v if math.isfinite(v) else None for k, v in numbers.items()}
            line = {"stage": stage, "step": int(step)} | finite
            lines.append(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
            # One record holds all numbers of a step: a record's checksum is slow Python.
            values = [
                Summary.Value(tag=f"{stage}/{key}", simple_value=value)
                for key, value in numbers.items()
            ]
            self._write_event(Summary(value=values), step)
        self._lines.write("".join(lines))
        self._lines.flush()

    def rewind(self, stage: str, step: int) -> None:
        """Takes out what a killed run had written of a stage from a step on.

        Args:
            stage: Name of the stage.
            step: First step that will be written anew.
        """
        if not self._resumed:
            return
        self._lines.close()
        drop_lines(self._path, stage, step)
        self._lines = self._path.open("a", encoding="utf-8")

    def write_scalars(self, step: int, scalars: Mapping[str, Any]) -> None:
        """clu's: writes numbers; a name ``stage/key`` goes to its stage, any other to stage `run`.

        Args:
            step: Step at which the numbers occurred.
            scalars: Name to a number.
        """
        by_stage: dict[str, dict[str, Any]] = {}
        for name, value in scalars.items():
            stage, slash, key = name.partition("/")
            stage, key = (stage, key) if slash else ("run", name)
            by_stage.setdefault(stage, {})[key] = value
        for stage, numbers in by_stage.items():
            self.log_step(stage, step, numbers)

    def write_images(self, step: int, images: Mapping[str, Any]) -> None:
        """clu's: writes pictures to TensorBoard.

        Args:
            step: Step at which the pictures occurred.
            images: Name to ``[N, H, W, C]`` or ``[H, W, C]``, C = 1 or 3; uint8 in [0, 255] or
                floats in [0, 1].

        Raises:
            ValueError: A shape is another one.
        """
        for name, value in images.items():
            array = np.asarray(value)
            if array.ndim not in (3, 4) or array.shape[-1] not in (1, 3):
                raise ValueError(
                    "Pictures must have shape [N, H, W, C] or [H, W, C] with 1 or 3 channels, got "
                    f"{list(array.shape)} for {name!r}: move the channels last."
                )
            if array.dtype != np.uint8:
                array = np.rint(np.clip(array.astype(np.float32), 0, 1) * 255).astype(np.uint8)
            batch = array[None] if array.ndim == 3 else array
            for index, picture in enumerate(batch):
                tag = name if array.ndim == 3 else f"{name}/{index}"
                # tensorboardX widens one channel to three.
                self._write_event(events.image(tag, picture, dataformats="HWC"), step)

    def write_texts(self, step: int, texts: Mapping[str, str]) -> None:
        """clu's: writes texts, which TensorBoard shows as Markdown.

        Args:
            step: Step at which the texts occurred.
            texts: Name to text.
        """
        for name, text in texts.items():
            self._write_event(events.text(name, text), step)

    def write_histograms(
        self,
        step: int,
        arrays: Mapping[str, Any],
        num_buckets: Mapping[str, int] | None = None,
    ) -> None:
        """clu's: writes histograms of arrays.

        Args:
            step: Step at which the arrays were made.
            arrays: Name to an array of any shape, with finite elements.
            num_buckets: Name to the largest number of buckets.
        """
        for name, array in arrays.items():
            buckets = None if num_buckets is None else num_buckets.get(name)
            histogram = events.histogram(name, np.asarray(array), "auto", max_bins=buckets)
            self._write_event(histogram, step)

    def write_hparams(self, hparams: Mapping[str, Any]) -> None:
        """clu's: writes the run's settings, once.

        Args:
            hparams: Flat mapping of a setting's name to its value; values that TensorBoard has no
                type for are written as text.
        """
        known = {
            key: value if isinstance(value, bool | int | float | str) else str(value)
            for key, value in hparams.items()
        }
        for record in events.hparams(known, {}):
            self._write_event(record, 0)

    def write_summaries(
        self,
        step: int,
        values: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """clu's, not supported: says so once and writes nothing."""
        self._say_unsupported("raw summaries")

    def write_videos(self, step: int, videos: Mapping[str, Any]) -> None:
        """clu's, not supported: says so once and writes nothing."""
        self._say_unsupported("videos")

    def write_audios(self, step: int, audios: Mapping[str, Any], *, sample_rate: int) -> None:
        """clu's, not supported: says so once and writes nothing."""
        self._say_unsupported("audio")

    def flush(self) -> None:
        """Everything given so far is in the files afterwards."""
        self._lines.flush()
        self._events.flush()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Flushes and closes both files; a second call does nothing."""
        if not self._lines.closed:
            self.flush()
            self._lines.close()
            self._events.close()

    def __enter__(self) -> "MetricLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write_event(self, summary: Summary, step: int) -> None:
        self._events.write_event(Event(summary=summary, step=int(step), wall_time=time.time()))
        if time.monotonic() - self._flushed > _FLUSH_EVERY:
            self.flush()

    def _say_unsupported(self, what: str) -> None:
        if what not in self._unsupported:
            self._unsupported.add(what)
            _logger.warning("MetricLog does not write %s: they are left out.", what)


def _number(value: Any) -> float:
    """A Python float; NumPy reads arrays of every library, on every device."""
    return value if isinstance(value, float) else float(np.asarray(value).reshape(()))
