"""Fifty users press Generate at the same moment and watch."""

from __future__ import annotations

import asyncio

import httpx

from tools.benchmarks.tools.app_process import running_app
from tools.benchmarks.tools.clients import WAIT, Person, Seen
from tools.benchmarks.tools.figure import Figure, median
from tools.benchmarks.tools.frames import FrameSource

PEOPLE = 50


def measure() -> list[Figure]:
    """Measure the time from a press to the first state on each user's screen, and the number of
    users who watched at the same time."""
    source = FrameSource(600, 0.1)
    with source.serve() as demo, running_app(demo.url) as app:
        asyncio.run(
            press([Person(app.url)])
        )  # the first run of an app fetches the server's catalog
        seen = asyncio.run(press([Person(app.url) for _ in range(PEOPLE)]))
    first = [one.first for one in seen]
    return [
        Figure(
            "fifty: watched at once",
            sum(one.first > 0 for one in seen),
            "runs",
            PEOPLE,
            at_least=True,
        ),
        Figure("fifty: press to first state, slowest", max(first), "s", 1),
        Figure("fifty: press to first state, p50", median(first), "s", 1),
    ]


async def press(people: list[Person]) -> list[Seen]:
    """Start all users' runs at once. Each run stops when the slowest user has the first state."""
    barrier = asyncio.Barrier(len(people))
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=WAIT, limits=limits, trust_env=False) as http:
        for one in people:
            await one.arrive(http)
        return await asyncio.gather(*(one.run(http, stop_at=barrier) for one in people))
