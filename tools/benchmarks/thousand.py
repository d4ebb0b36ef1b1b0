"""A long day: a thousand runs, and the resources that the app's process holds after 200 runs and
after all."""

from __future__ import annotations

import asyncio

import httpx

from tools.benchmarks.tools.app_process import AppProcess, running_app
from tools.benchmarks.tools.clients import WAIT, Person
from tools.benchmarks.tools.figure import Figure
from tools.benchmarks.tools.frames import FrameSource

RUNS = 1000
WARM = 200  # finished runs that are remembered: from here on nothing should grow
AT_ONCE = 8
FRAMES = 2
SETTLE = 11.0  # seconds after which the pool ends its idle threads, at the next use
HANG_UP = 1.0  # seconds for the last connections to end


def measure() -> list[Figure]:
    """Measure the growth of memory, threads, sockets and files from the 200th to the 1,000th
    run."""
    source = FrameSource(FRAMES, 0.0)
    with source.serve() as demo, running_app(demo.url) as app:
        done = asyncio.run(runs(app, WARM))
        before = holdings(app)
        done += asyncio.run(runs(app, RUNS - WARM))
        after = holdings(app)
    memory, threads, sockets, files = ((before[name], after[name]) for name in before)
    return [
        Figure("thousand: runs done", done, "runs", RUNS, at_least=True),
        Figure("thousand: memory after 1,000 / after 200", memory[1] / memory[0], "ratio", 1.05),
        Figure("thousand: threads more", threads[1] - threads[0], "", 0),
        Figure("thousand: sockets more", sockets[1] - sockets[0], "", 0),
        Figure("thousand: files more", files[1] - files[0], "", 0),
    ]


async def runs(app: AppProcess, count: int) -> int:
    """Start `count` runs, a few at a time, and return the number that completed correctly."""
    turns = iter(range(count))
    done = 0

    async def one_after_another(http: httpx.AsyncClient) -> None:
        nonlocal done
        person = Person(app.url)
        for _ in turns:
            seen = await person.run(http)
            done += seen.last["phase"] == "done"

    async with httpx.AsyncClient(timeout=WAIT, trust_env=False) as http:
        await asyncio.gather(*(one_after_another(http) for _ in range(AT_ONCE)))
        await asyncio.sleep(SETTLE)
        await Person(app.url).run(http)
    await asyncio.sleep(HANG_UP)
    return done


def holdings(app: AppProcess) -> dict[str, int]:
    return {
        "memory": app.memory(),
        "threads": app.threads(),
        "sockets": app.sockets(),
        "files": len(app.files()),
    }
