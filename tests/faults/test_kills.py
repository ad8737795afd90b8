"""SIGKILL at random moments of every stage, then the same command: the numbers of a quiet run."""

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "moments"), [(1, 10), (2, 3)])
def test_killed_at_random_moments_it_ends_at_the_same_numbers(
    processes, moments, tmp_path, load_module
):
    kills = load_module("faults/kills")
    found = kills.kill_and_resume(tmp_path, moments, processes)
    assert len(found.hit) >= moments - 2  # the last may have come to the end before its moment
    assert len(set(found.hit)) >= min(moments // 2, 5), found.hit
    assert found.different == []
