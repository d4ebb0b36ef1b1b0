"""A rude visitor beside a user who only wants an image: the delay, the app's memory, and the
leftovers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator

import httpx

from tools.benchmarks.tools.app_process import AppProcess, running_app
from tools.benchmarks.tools.clients import WAIT, Person, Seen
from tools.benchmarks.tools.figure import Figure, median
from tools.benchmarks.tools.frames import FrameSource
from tools.benchmarks.tools.rude_visitor import ATTACKS, attacking

FRAMES, INTERVAL, LEAD = 4, 0.05, 0.1
ROUNDS = 7
UNDER_WAY = 3.0  # seconds after which an attack has begun
LONGEST = 240.0  # seconds that one may take
SETTLE = (
    60.0  # seconds after which half a request is closed, runs are done and idle threads have ended
)
SETTLED = 2.0  # after a press, as before an attack: a connection to the server is kept for a second
MB = 1e6
PAINTED = "painted images"
BUSY_SERVER = ("made-up cookies", PAINTED)  # it has something to do for others in any case
NAME, PASSWORD = "anna", "lighthouse"


def measure() -> Iterator[Figure]:
    """Measure for each attack: another user's time from press to first preview, peak memory, log
    lines, and leftovers."""
    source = FrameSource(FRAMES, INTERVAL, LEAD)
    with source.serve() as demo:
        for name in ATTACKS:
            options = ("--login", f"{NAME}:{PASSWORD}") if name == "slow logins" else ()
            with running_app(demo.url, *options) as app:
                yield from measured(name, app)


def measured(name: str, app: AppProcess) -> Iterator[Figure]:
    """Measure a single attack on this app."""
    asyncio.run(presses(app, 2))
    quiet = previewed(asyncio.run(presses(app, ROUNDS, beside_another=name in BUSY_SERVER)))
    time.sleep(SETTLED)
    before, said = (app.threads(), app.sockets(), app.memory()), app.lines()
    app.forget_most_memory()
    with attacking(name, app.url) as attack:
        time.sleep(UNDER_WAY)
        if name == "slow logins":
            yield Figure(f"{name}: a right login, slowest", max(asyncio.run(logins(app))), "s", 2)
        seen = asyncio.run(presses(app, ROUNDS))
        attack.join(0 if name in ("slow logins", "slow uploads", "sockets") else LONGEST)
    yield Figure(f"{name}: press to first word, slowest", max(one.first for one in seen), "s", 2)
    if name != PAINTED:  # how long the server works at such an image is no affair of the app
        beside = "beside another" if name in BUSY_SERVER else "quiet"
        yield Figure(f"{name}: press to preview / {beside}", previewed(seen) / quiet, "ratio", 2)
    yield Figure(f"{name}: most memory", app.most_memory() / MB, "MB", 600)
    yield Figure(f"{name}: lines in the log", app.lines() - said, "", 30)
    end = time.monotonic() + SETTLE
    while (app.sockets() > before[1] or app.threads() > before[0]) and time.monotonic() < end:
        asyncio.run(presses(app, 1))  # the pool ends its idle threads at its next use
        time.sleep(SETTLED)
    yield Figure(f"{name}: sockets more afterwards", app.sockets() - before[1], "", 0)
    yield Figure(f"{name}: threads more afterwards", app.threads() - before[0], "", 0)
    yield Figure(f"{name}: memory more afterwards", (app.memory() - before[2]) / MB, "MB", 150)


def previewed(seen: Iterable[Seen]) -> float:
    """Return the median seconds from a press to its first preview."""
    return median([one.preview for one in seen])


async def presses(app: AppProcess, count: int, *, beside_another: bool = False) -> list[Seen]:
    """Return the observations of `count` presses in sequence. `beside_another`: another user's runs
    take turns with them."""
    async with httpx.AsyncClient(timeout=WAIT, trust_env=False) as http:
        person = await visitor(app, http)
        others = (
            [asyncio.create_task(pressing(Person(app.url), http, count * 4))]
            if beside_another
            else []
        )
        seen = [await person.run(http) for _ in range(count)]
        await asyncio.gather(*others)
    return seen


async def pressing(person: Person, http: httpx.AsyncClient, count: int) -> None:
    await asyncio.gather(*(Person(person.url, person.cookie).run(http) for _ in range(count)))


async def visitor(app: AppProcess, http: httpx.AsyncClient) -> Person:
    """Return an honest user, signed in if the app requires that."""
    await login(app, http)
    cookies = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    return Person(app.url, cookies) if "-session=" in cookies else Person(app.url)


async def logins(app: AppProcess) -> list[float]:
    """Return the seconds that correct sign-ins take."""
    taken = []
    async with httpx.AsyncClient(timeout=WAIT, trust_env=False) as http:
        for _ in range(ROUNDS):
            began = time.monotonic()
            await login(app, http)
            taken.append(time.monotonic() - began)
    return taken


async def login(app: AppProcess, http: httpx.AsyncClient) -> None:
    await http.post(f"{app.url}/login", data={"username": NAME, "password": PASSWORD})
