"""What Progress writes, by a clock that the test moves."""

import io

import pytest

from cu_jax.logs import Progress, duration


class _Clock:
    now = 100.0

    def __call__(self):
        return self.now


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def _run(stream, moves, total=100, **options):
    """Makes a display and moves the clock: (seconds to pass, done, losses)."""
    clock = _Clock()
    with Progress("utility", total, stream=stream, clock=clock, **options) as progress:
        for seconds, done, losses in moves:
            clock.now += seconds
            progress.update(done, losses)
    return stream.getvalue()


def test_short_work_has_its_last_line_only():
    text = _run(io.StringIO(), [(0.5, 10, {"retain_loss": 0.5}), (0.5, 20, None)], total=20)
    assert text == "utility         20 steps in 1 s (20 steps/s)   retain_loss 0.5\n"


def test_a_plain_line_every_ten_seconds():
    text = _run(io.StringIO(), [(1, k, None) for k in range(1, 31)], total=30)
    lines = text.splitlines()
    assert [line.split()[1] for line in lines] == ["2/30", "12/30", "22/30", "30"]
    assert lines[1].split(maxsplit=3)[3] == "40%   1 steps/s   18 s left"
    assert "\r" not in text


def test_a_terminal_has_one_refreshing_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    text = _run(_Terminal(), [(0.1, k, {"forget_loss": 1.0}) for k in range(1, 51)], total=50)
    assert text.count("\n") == 1 and text.endswith("\n")
    parts = text.split("\r")[1:]
    # From two seconds on, four times a second; the last line ends.
    assert 10 <= len(parts) <= 15
    assert all(part.rstrip("\n").endswith("\x1b[K") for part in parts)
    assert "forget_loss 1" in parts[0]


def test_a_line_fits_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    text = _run(_Terminal(), [(3, 1, {f"loss_{k}": 1.0 for k in range(20)})])
    for part in text.split("\r")[1:]:
        assert len(part.removesuffix("\n").removesuffix("\x1b[K")) == 39


def test_the_first_step_which_compiles_does_not_count_in_the_time_left():
    moves = [(60, 1, None)] + [(0.5, k, None) for k in range(2, 42)]
    lines = _run(io.StringIO(), moves, total=101).splitlines()
    # 22 of 101 steps done after 70.5 s; 80 are left at two a second.
    assert lines[1].split()[1] == "21/101"
    assert lines[1].endswith("2 steps/s   40 s left")


def test_the_rate_is_that_of_the_last_seconds():
    moves = [(1, k, None) for k in range(1, 41)] + [(0.1, k, None) for k in range(41, 441)]
    lines = _run(io.StringIO(), moves, total=1000).splitlines()
    assert "10 steps/s" in lines[-2]


def test_a_resumed_stage_counts_its_own_steps():
    text = _run(io.StringIO(), [(2, 60, None), (2, 80, None)], start=40)
    assert " 60/100 steps" in text
    assert text.splitlines()[-1] == "utility         40 steps in 4 s (10 steps/s)"


def test_other_units_and_nothing_to_do():
    assert (
        _run(io.StringIO(), [], total=0, unit="pictures") == "utility         0 pictures in 0 s\n"
    )


def test_an_error_says_where_it_stopped():
    stream, clock = io.StringIO(), _Clock()
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117
        with Progress("utility", 9, stream=stream, clock=clock) as progress:
            clock.now += 1
            progress.update(4)
            raise KeyboardInterrupt
    assert stream.getvalue() == "utility         stopped at 4/9 steps after 1 s\n"


def test_negative_work_is_refused():
    with pytest.raises(ValueError, match="at least 0, got -1"):
        Progress("utility", -1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 00 s"), (3599.6, "1 h 00 min")],
)
def test_durations_at_their_edges(seconds, text):
    assert duration(seconds) == text
