"""The line of progress: on a terminal, in a log file, and what it counts."""

import io
import sys
import time

import pytest

from cu_jax.data.progress import Progress, watched


@pytest.fixture
def screen(monkeypatch):
    """Stands in for stderr, and for the clock: each reading of it is so many seconds later."""

    def make(terminal, seconds):
        stream = io.StringIO()
        stream.isatty = lambda: terminal
        now = [0.0]

        def clock():
            now[0] += seconds
            return now[0]

        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(time, "monotonic", clock)
        return stream

    return make


def test_a_terminal_sees_one_line_that_changes(screen):
    stream = screen(True, 10.0)
    assert list(watched([7, 8, 9], "Reading", "numbers")) == [7, 8, 9]
    assert stream.getvalue().split("\r\x1b[K") == [
        "",
        "Reading: 1 of 3 numbers, 20 s left",
        "Reading: 2 of 3 numbers, 10 s left",
        "Reading: 3 of 3 numbers, 0 s left",
        "Reading: 3 of 3 numbers, done in 40.0 s\n",
    ]


def test_a_log_file_gets_a_line_a_minute(screen):
    stream = screen(False, 25.0)
    list(watched(iter(range(1000, 1007)), "Reading", "numbers"))
    assert stream.getvalue().splitlines() == [
        "Reading: 3 numbers",
        "Reading: 6 numbers",
        "Reading: 7 numbers, done in 200.0 s",
    ]


def test_what_is_quick_says_its_end_alone(screen):
    stream = screen(True, 0.01)
    progress = Progress("Reading a.tar", "MB", 1200)
    progress.show(5)
    progress.end(1200)
    assert stream.getvalue() == "\r\x1b[KReading a.tar: 1,200 of 1,200 MB, done in 0.0 s\n"
