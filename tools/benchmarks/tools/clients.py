"""Users without a browser, who start a run over Gradio's API and watch it over the page's own
socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedOK

WORKFLOW, SEED = "text-to-image", "5.seed"  # always another seed: no result is used again
WAIT = 60.0  # seconds for anything that is waited for


@dataclass(frozen=True, slots=True)
class Seen:
    """Observations of a watcher: seconds from the press to the first state and to the first preview
    (0.0 = none), and the last state."""

    first: float
    preview: float
    frames: int
    last: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Client of the app at `url` with its own cookie, by default a new cookie from the page."""

    url: str
    cookie: str = ""
    session: str = field(default_factory=lambda: secrets.token_urlsafe(8))

    def __post_init__(self) -> None:
        """Get a cookie from the page."""
        if self.cookie:
            return
        with urllib.request.urlopen(self.url) as page:
            object.__setattr__(self, "cookie", page.headers["set-cookie"].partition(";")[0])

    async def arrive(self, http: httpx.AsyncClient) -> None:
        """Open the page, so that Gradio creates the session now and not at the press."""
        config = (await http.get(f"{self.url}/config")).raise_for_status().json()
        opening = next(
            one["id"]
            for one in config["dependencies"]
            if "load" in (event for _, event in one["targets"])
        )
        body = {"data": [{"workflow": WORKFLOW}], "fn_index": opening, "session_hash": self.session}
        (
            await http.post(
                f"{self.url}/gradio_api/run/predict", json=body, headers={"cookie": self.cookie}
            )
        ).raise_for_status()

    async def run(self, http: httpx.AsyncClient, *, stop_at: asyncio.Barrier | None = None) -> Seen:
        """Start a run and watch it until it finishes. With `stop_at`, stop it once all clients at
        the barrier have a first state."""
        pressed = time.monotonic()
        address = f"{self.url}/gradio_api/call/run"
        headers = {"cookie": self.cookie}
        body = {"data": [WORKFLOW, {SEED: secrets.randbits(32)}], "session_hash": self.session}
        answer = await http.post(address, json=body, headers=headers)
        event = answer.raise_for_status().json()["event_id"]
        async with http.stream("GET", f"{address}/{event}", headers=headers) as stream:
            lines = (
                stream.aiter_lines()
            )  # held on to: letting go of it would hang up, which ends the run
            run_id = await _run_of(lines)
            seen = await self.watch(run_id, pressed, stop_at)
            async for _ in lines:  # as any script does, to the last word
                pass
        return seen

    async def watch(self, run_id: str, pressed: float, stop_at: asyncio.Barrier | None) -> Seen:
        """Follow a run as the page does and acknowledge each frame."""
        first, preview, frames, last = 0.0, 0.0, 0, dict[str, Any]()
        coming = 0
        headers = {"cookie": self.cookie}
        socket = f"ws{self.url.removeprefix('http')}/live/{run_id}"
        async with connect(
            socket, additional_headers=headers, compression=None, open_timeout=WAIT
        ) as live:
            async for message in live:
                if isinstance(message, bytes):
                    frames += 1
                    preview = preview or time.monotonic() - pressed
                    with contextlib.suppress(
                        ConnectionClosedOK
                    ):  # the last frame may be followed by the end at once
                        await live.send(f"painted {coming} 1")
                    continue
                said = json.loads(message)
                if "frame" in said:
                    coming = said["frame"]
                    continue
                last = said
                if not first:
                    first = time.monotonic() - pressed
                    if stop_at:
                        await stop_at.wait()
                        await live.send("stop")
        return Seen(first, preview, frames, last)


async def _run_of(lines: AsyncIterator[str]) -> str:
    """Return the run's id from the first answer of Gradio's API."""
    while (line := await anext(lines, None)) is not None:
        if line.startswith("data:") and (data := json.loads(line.removeprefix("data:"))):
            return str(data[0]["run"])
    raise AssertionError("the app did not start the run")
