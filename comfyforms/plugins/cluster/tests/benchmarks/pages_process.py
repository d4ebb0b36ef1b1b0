"""A process with pages that watch a run. It prints `ready` once each page has shown the run, and at
the run's end its figures as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tools.benchmarks.tools.clients import WAIT
from tools.benchmarks.tools.frames import numbered


async def _page(
    url: str, cookie: str, run: str, numbers: dict[bytes, int], shown: Callable[[float], None]
) -> dict[int, float]:
    """Follow a run as the page does; return when each frame came (`time.time`), by number."""
    came: dict[int, float] = {}
    began, is_first, coming = time.monotonic(), True, 0
    address = f"ws{url.removeprefix('http')}/live/{run}"
    async with connect(
        address, additional_headers={"cookie": cookie}, compression=None, open_timeout=WAIT
    ) as live:
        with contextlib.suppress(ConnectionClosed):  # also after a freeze
            async for message in live:
                if isinstance(message, bytes):
                    if number := numbers.get(message):
                        came[number] = time.time()
                    await live.send(f"painted {coming} 1")
                    continue
                said = json.loads(message)
                coming = said.get("frame", coming)
                if is_first and "frame" not in said:
                    is_first = False
                    shown(time.monotonic() - began)
    return came


async def _pages(cookie: str, run: str, frames: int, count: int, urls: list[str]) -> None:
    numbers = {numbered(number): number for number in range(1, frames + 1)}
    first: list[float] = []

    def note(seconds: float) -> None:
        first.append(seconds)
        if len(first) == count * len(urls):
            print("ready", flush=True)

    pages = (_page(url, cookie, run, numbers, note) for url in urls for _ in range(count))
    came = await asyncio.gather(*pages)
    print(json.dumps({"first": first, "came": came}), flush=True)


def main() -> None:
    """Open pages: the arguments are a cookie, a run, its number of frames, the number of pages at
    each process, and the addresses of the processes."""
    cookie, run, frames, count, *urls = sys.argv[1:]
    asyncio.run(_pages(cookie, run, int(frames), int(count), urls))


if __name__ == "__main__":
    main()
