"""How many runs may be asked for, and how long they take."""

from __future__ import annotations

import pytest

from comfy.errors import ComfyError
from comfy.runs.durations import Durations
from comfy.runs.limits import Person, RunLimiter, RunLimits

ME, YOU = ("me", "192.0.2.1"), ("you", "192.0.2.1")
LIMITS = RunLimits(person=2, address=3, all=4, hourly=5)


@pytest.mark.parametrize(
    ("unfinished", "says"),
    [
        ([ME, ME], "You have 2 runs"),
        ([ME, YOU, YOU], "at your address"),
        ([("a", ""), ("b", ""), ("c", ""), ("d", "")], "Too many people are waiting"),
    ],
)
def test_one_too_many_is_refused_in_words(unfinished: list[Person], says: str) -> None:
    """With what to do; one fewer is taken."""
    limiter = RunLimiter(LIMITS)
    with pytest.raises(ComfyError, match=says) as told:
        limiter.check(*ME, unfinished)
    assert told.value.hint
    limiter.check(*ME, unfinished[1:])


def test_people_without_an_address_share_none() -> None:
    """Those who log in are nobody's neighbours."""
    RunLimiter(LIMITS).check("me", "", [("a", ""), ("b", ""), ("c", "")])


def test_a_person_is_another_one_elsewhere() -> None:
    """All who have no cookie go by one name: each address has its own share of it."""
    limiter = RunLimiter(LIMITS)
    for _ in range(5):
        limiter.count(*ME)
    with pytest.raises(ComfyError, match="more than 5 runs in an hour"):
        limiter.check(*ME, [])
    limiter.check("me", "192.0.2.2", [])
    limiter.check(*YOU, [])


def test_a_workflow_takes_as_long_as_it_usually_did() -> None:
    """One slow run is no rule; another workflow says nothing of it, but of runs in general."""
    durations = Durations()
    assert (durations.of("a"), durations.typical) == (None, None)
    for seconds in (2.0, 3.0, 100.0):
        durations.add("a", seconds)
    durations.add("b", 15.0)
    assert (durations.of("a"), durations.of("b"), durations.of("c")) == (3.0, 15.0, None)
    assert durations.typical == 30.0


def test_only_the_last_ones_count_and_memory_is_bounded() -> None:
    """Five of a workflow, twenty of all, two hundred workflows."""
    durations = Durations()
    durations.add("old", 1.0)
    for number in range(200):
        durations.add(f"w{number}", 7.0)
    assert durations.of("old") is None
    assert durations.typical == 7.0
    for _ in range(5):
        durations.add("w0", 9.0)
    assert durations.of("w0") == 9.0
