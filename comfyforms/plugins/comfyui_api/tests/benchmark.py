"""Fifty clients of `/ws` on the same run with ten frames per second: missed states, late
previews, and the cost."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field

import httpx
from websockets.asyncio.client import connect

from tools.benchmarks.tools.app_process import AppProcess, running_app
from tools.benchmarks.tools.clients import WAIT, Person
from tools.benchmarks.tools.figure import Figure, median, percentile
from tools.benchmarks.tools.frames import FrameSource, numbered

CLIENTS, FRAMES, PAUSE = 50, 100, 0.1
FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


@dataclass(slots=True)
class Heard:
    steps: list[int] = field(default_factory=list)
    came: dict[int, float] = field(default_factory=dict)
    ended: bool = False


def measure() -> list[Figure]:
    """Measure the states, previews and processor time while all clients follow the run from start
    to end."""
    source = FrameSource(FRAMES, PAUSE, lead=3.0)
    with source.serve() as demo, running_app(demo.url) as app:
        heard, seconds = asyncio.run(_all(app))
    lags = [at - source.sent[number] for one in heard for number, at in one.came.items()]
    whole = sum(one.ended and one.steps == list(range(1, FRAMES + 1)) for one in heard)
    share = sum(len(one.came) for one in heard) / (CLIENTS * FRAMES)
    return [
        Figure("relay: clients that miss no state", whole, "clients", CLIENTS, at_least=True),
        Figure("relay: previews that came", 100 * share, "%", 98, at_least=True),
        Figure("relay: lag of previews, p50", 1000 * median(lags), "ms", 50),
        Figure("relay: lag of previews, p99", 1000 * percentile(lags, 0.99), "ms", 250),
        Figure("relay: processor time a frame to 50", 1000 * seconds / FRAMES, "ms", 50),
    ]


async def _all(app: AppProcess) -> tuple[list[Heard], float]:
    """Start a run and let all clients follow it. Return their observations and the app's processor
    time."""
    person = await asyncio.to_thread(Person, app.url)
    headers = {"cookie": person.cookie}
    numbers = {numbered(number): number for number in range(1, FRAMES + 1)}
    async with httpx.AsyncClient(timeout=WAIT, trust_env=False, headers=headers) as http:
        address = f"{app.url}/api/v1/workflows/text-to-image/runs"
        run = (await http.post(address, json={"values": {}})).raise_for_status().json()["id"]
        before = app.cpu_seconds()
        clients = (_client(app.url, headers, run, numbers) for _ in range(CLIENTS))
        heard = await asyncio.gather(*clients)
    return heard, app.cpu_seconds() - before


async def _client(url: str, headers: dict[str, str], run: str, numbers: dict[bytes, int]) -> Heard:
    heard = Heard()
    address = f"ws{url.removeprefix('http')}/ws?run={run}"
    async with connect(
        address, additional_headers=headers, compression=None, open_timeout=WAIT
    ) as socket:
        await socket.send(FLAGS)
        async for frame in socket:
            now = time.time()
            if isinstance(frame, bytes):
                image = frame[8 + int.from_bytes(frame[4:8], "big") :]
                heard.came[numbers[image]] = now
                continue
            said = json.loads(frame)
            if said["type"] == "progress":
                heard.steps.append(said["data"]["value"])
            heard.ended = said["type"] == "executing" and said["data"]["node"] is None
    return heard
