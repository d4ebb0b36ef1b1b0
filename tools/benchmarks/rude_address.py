"""A single address that attacks in every way at once: the effect on another user, and the app's
resources."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from math import inf

import httpx

from tools.benchmarks.rude import presses, previewed
from tools.benchmarks.tools.app_process import AppProcess, running_app
from tools.benchmarks.tools.clients import WAIT
from tools.benchmarks.tools.figure import Figure, median
from tools.benchmarks.tools.frames import FrameSource
from tools.benchmarks.tools.rude_address import RudeClient, being_rude

FRAMES, INTERVAL, LEAD = 4, 0.05, 0.1
ROUNDS = 9
UNDER_WAY = 8.0  # seconds after which everything has begun
MB = 1e6
ANNA, BEN = ("anna", "lighthouse"), ("ben", "harbour")


def measure() -> Iterator[Figure]:
    """Measure another user's sign-in and time from press to first preview, and the peak memory, for
    a direct connection and behind a proxy."""
    source = FrameSource(FRAMES, INTERVAL, LEAD)
    with source.serve() as demo:
        for name, more in (("direct", {}), ("forwarded", {"forwarded": "9.9.9.9"})):
            logins = ",".join(map(":".join, (ANNA, BEN)))
            with (
                tempfile.TemporaryDirectory(prefix="benchmark-") as data,
                running_app(demo.url, "--login", logins, "--data", data) as app,
            ):
                yield from measured(name, app, more)


def measured(name: str, app: AppProcess, more: dict[str, str], *ways: str) -> Iterator[Figure]:
    """Measure an app under attack. `more`: further arguments of the rude client."""
    source = {} if "forwarded" not in more else {"source": "127.0.0.1"}
    asyncio.run(presses(app, 2))
    quiet = previewed(asyncio.run(presses(app, ROUNDS)))
    rude = RudeClient(app.url, **source, **more).prepared(*BEN)
    app.forget_most_memory()
    with being_rude(rude, *ways):
        time.sleep(UNDER_WAY)
        signing_in = asyncio.run(sign_ins(app))
        seen = asyncio.run(presses(app, ROUNDS))
        memory = app.memory()
    yield Figure(f"{name}: a right sign-in, slowest", max(signing_in), "s", 2)
    yield Figure(f"{name}: a right sign-in, median", median(signing_in), "s", 2)
    yield Figure(f"{name}: press to preview, quiet", quiet, "s", 1)
    yield Figure(
        f"{name}: press to preview / quiet",
        median([one.preview or inf for one in seen]) / quiet,
        "ratio",
        2,
    )
    yield Figure(f"{name}: memory", memory / MB, "MB", 600)
    yield Figure(f"{name}: most memory", app.most_memory() / MB, "MB", 600)


async def sign_ins(app: AppProcess) -> list[float]:
    """Return the seconds that correct sign-ins take, each in a new browser."""
    taken = []
    for _ in range(ROUNDS):
        async with httpx.AsyncClient(timeout=WAIT, trust_env=False) as http:
            began = time.monotonic()
            sent = {"username": ANNA[0], "password": ANNA[1]}
            (await http.post(f"{app.url}/login", data=sent)).raise_for_status()
            taken.append(time.monotonic() - began)
    return taken
