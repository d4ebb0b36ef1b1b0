"""Fair shares of limited resources."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.types import Message

from comfy.base.messages import message
from tests.support.waiting import awaited
from ui.gradio.allowlist import Owners
from ui.settings.logs import LINES, LogLimit
from ui.web.addresses import client_address
from ui.web.limits import LeastSpeed, WebLimits
from ui.web.shares import Caller, FairSlots, Share

CALLERS = st.builds(Caller, st.sampled_from("abc"), st.sampled_from("xyz"))


@given(st.lists(st.tuples(CALLERS, st.integers(0, 5)), max_size=40), st.data())
def test_shares_per_user_and_address_are_limited(
    wishes: list[tuple[Caller, int]], data: st.DataObject
) -> None:
    """The limits hold for any order of takes and returns. Returned amounts become available
    again."""
    share, held = Share(20, person=8, address=12), list[tuple[Caller, int]]()
    for caller, amount in wishes:
        if share.take(caller, amount):
            held.append((caller, amount))
        if held and data.draw(st.booleans()):
            share.give_back(*held.pop())
        persons, addresses = Counter[str](), Counter[str]()
        for one, taken in held:
            persons[one.person] += taken
            addresses[one.address] += taken
        assert share.taken == persons.total() <= 20
        assert max(persons.values(), default=0) <= 8
        assert max(addresses.values(), default=0) <= 12
    for one, taken in held:
        share.give_back(one, taken)
    assert share.take(Caller("a", "x"), 8)


@given(st.lists(st.tuples(st.integers(0, 60), CALLERS), max_size=120))
def test_names_belong_to_their_first_user(uses: list[tuple[int, Caller]]) -> None:
    """A user can't take another user's name or exceed the limits. The callback gets each dropped
    name once."""
    gone: list[str] = []
    owners = Owners(12, person=5, address=8, forget=gone.append)
    names: dict[str, Caller] = {}
    for number, caller in uses:
        name, known = str(number), names.get(str(number))
        assert owners.claim(name, caller) is (known is None or known.person == caller.person)
        names.setdefault(name, caller)
        for lost in gone:
            del names[lost]
        gone.clear()
        assert all(owners.belongs(one, owner) for one, owner in names.items())
        assert len(names) <= 12
        assert max(Counter(one.person for one in names.values()).values(), default=0) <= 5
        assert max(Counter(one.address for one in names.values()).values(), default=0) <= 8


def test_the_largest_owner_makes_room() -> None:
    """A newcomer replaces the least recently used name at the address with the most names, and no
    other address's name."""
    gone: list[str] = []
    owners = Owners(6, person=10, address=10, forget=gone.append)
    owners.claim("old", Caller("ann", "quiet"))
    for number in range(5):
        owners.claim(f"rude{number}", Caller("rude", "loud"))
    owners.claim("rude0", Caller("rude", "loud"))
    owners.claim("new", Caller("bob", "elsewhere"))
    assert gone == ["rude1"]


def test_many_requests_delay_their_own_sender() -> None:
    """Active requests are limited per user and per address. Requests of other users, and
    of visitors without an account at other addresses, run in between."""

    async def seen() -> list[str]:
        turns, begun, end = FairSlots(person=1, address=2), list[str](), asyncio.Event()

        async def work(name: str, caller: Caller) -> None:
            async with turns.turn(caller):
                begun.append(name)
                await end.wait()

        async with asyncio.TaskGroup() as group:
            for name, caller in (
                ("ann", Caller("ann", "x")),
                ("ann again", Caller("ann", "x")),
                ("bob", Caller("bob", "x")),
                ("third", Caller("third", "x")),
                ("elsewhere", Caller("fourth", "y")),
                ("visitor", Caller("", "z")),
                ("visitor again", Caller("", "z")),
                ("other visitor", Caller("", "w")),
            ):
                group.create_task(work(name, caller))
            await asyncio.sleep(0.05)
            at_work = list(begun)
            end.set()
        assert len(begun) == 8
        return at_work

    assert awaited(seen()) == ["ann", "bob", "elsewhere", "visitor", "other visitor"]


@pytest.mark.parametrize(
    ("pieces", "arrives"),
    [
        ([(0.05, 1000)] * 8, True),  # twice the least speed
        ([(0.05, 100)] * 12, False),  # a fifth of it
        ([(0.0, 100_000), (0.8, 1)], False),  # fast, then silent
        ([(0.1, 1), (0.0, 1)], True),  # slow to begin
    ],
)
def test_a_body_has_a_least_speed(pieces: list[tuple[float, int]], arrives: bool) -> None:
    """The app accepts any body over a slow but steady link. If a body dribbles or stalls, the app
    refuses it with an error."""

    async def ends_well() -> bool:
        pace, rest = (
            LeastSpeed(WebLimits(patience=0.3, pause=0.4, least_speed=10_000)),
            iter(pieces),
        )

        async def receive() -> Message:
            wait, size = next(rest)
            await asyncio.sleep(wait)
            return {"type": "http.request", "body": bytes(size), "more_body": True}

        try:
            for _ in pieces:
                await pace.next(receive)
        except HTTPException as refused:
            return refused.status_code != 408
        return True

    assert awaited(ends_well()) is arrives


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("2001:db8::1", 5), "2001:db8::/48"),
        (("2001:db8::ffff:1", 5), "2001:db8::/48"),
        (("fe80::1%eth0", 5), "fe80::/48"),
        (("::ffff:192.0.2.1", 5), "192.0.2.1"),
        (("a name", 5), ""),
        (None, ""),
    ],
)
def test_one_customer_is_one_address(client: tuple[str, int] | None, address: str) -> None:
    """An IPv6 customer owns a whole network, which counts as one address."""
    assert client_address({"client": client}) == address


def test_the_log_does_not_grow_with_the_attempts() -> None:
    """Lines that differ only in values or numbers are of the same kind. The log passes a limited
    number per kind and minute, also of info lines."""
    limit = LogLimit()

    def passed(level: int, text: str, *values: object) -> bool:
        return limit.filter(logging.LogRecord("a", level, "", 0, text, values, None))

    assert sum(passed(logging.WARNING, "No login for %r", number) for number in range(100)) == LINES
    assert (
        sum(passed(logging.ERROR, f"Expected 45, got {number}") for number in range(100)) == LINES
    )
    assert sum(passed(logging.INFO, "Done") for _ in range(100)) == LINES
    assert passed(logging.WARNING, "Another thing")
    floods = (message("{name} did it.", name=str(number)) for number in range(100))
    assert sum(passed(logging.INFO, "%s", one) for one in floods) == LINES
    assert passed(logging.INFO, "%s", message("{name} removed {other}.", name="a", other="b"))
