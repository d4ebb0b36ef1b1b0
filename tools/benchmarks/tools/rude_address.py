"""A single address that attacks in every way at once, each attack in its own process."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import os
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.attacks.parts import attacked_parts
from tools.benchmarks.tools.clients import WORKFLOW

NICE = 10  # the rude machine is another one: its own work is not to slow the app
WAIT = 90.0
BODIES, GUESSERS, SEARCHERS, OPENERS, SOCKETS, UPLOADERS = 200, 16, 24, 8, 200, 4
ROWS = 100  # of each of two axes: 10,000 rows
WORDS = " ".join(["lighthouse"] * 20)
UPLOAD = 64 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class RudeClient:
    """Hostile client with an account. `source`: the address that connects. `forwarded`: the address
    it claims in the proxy header, empty for none. `cookie` and `batch`: its session and its large
    batch, see `prepared`."""

    url: str
    source: str = "127.0.0.2"
    forwarded: str = ""
    cookie: str = ""
    batch: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"x-forwarded-for": self.forwarded} if self.forwarded else {}

    def http(self, **headers: str) -> httpx.AsyncClient:
        """Return an HTTP client at the rude address."""
        transport = httpx.AsyncHTTPTransport(
            local_address=self.source, limits=httpx.Limits(max_connections=64)
        )
        return httpx.AsyncClient(
            base_url=self.url, timeout=WAIT, transport=transport, headers=self.headers | headers
        )

    def prepared(self, name: str, password: str) -> Self:
        """Return this client signed in, with a paused batch of 10,000 rows."""
        axes = [
            {"field": "2.text", "text": "\n".join(f"{WORDS} {n}" for n in range(ROWS))},
            {"field": "5.seed", "text": f"1..{ROWS}"},
        ]
        transport = httpx.HTTPTransport(local_address=self.source)
        with httpx.Client(
            base_url=self.url, timeout=WAIT, transport=transport, headers=self.headers
        ) as http:
            sent = {"username": name, "password": password}
            http.post("/login", data=sent).raise_for_status()
            path = f"/api/v1/workflows/{WORKFLOW}/batches"
            batch = http.post(path, json={"axes": axes}).raise_for_status().json()["id"]
            http.post(f"/api/v1/batches/{batch}/pause").raise_for_status()
            cookie = "; ".join(f"{one}={value}" for one, value in http.cookies.items())
        return replace(self, cookie=cookie, batch=batch)

    async def begin_bodies(self) -> None:
        """Send requests whose bodies barely arrive, and start each again when the app refuses
        it."""
        place = urlsplit(self.url)
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        head = (
            f"POST /workflows HTTP/1.1\r\nHost: localhost\r\nCookie: {self.cookie}\r\n{more}"
            "Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"
        )

        async def again_and_again() -> None:
            while True:
                with contextlib.suppress(OSError):
                    reader, writer = await asyncio.open_connection(
                        place.hostname, place.port, local_addr=(self.source, 0)
                    )
                    with contextlib.closing(writer):
                        writer.write(head.encode())
                        while await reader.read(4000):
                            pass
                await asyncio.sleep(1)

        await asyncio.gather(*(again_and_again() for _ in range(BODIES)))

    async def guess(self) -> None:
        """Try wrong passwords for an existing name and for many nonexistent names."""
        names = itertools.cycle(["anna", *(f"name {number}" for number in range(1000))])

        async def work(http: httpx.AsyncClient) -> None:
            await http.post("/login", data={"username": next(names), "password": "a guess"})

        await self._forever(GUESSERS, work)

    async def search(self) -> None:
        """Search the rows of a large batch, as scripts and the page do."""
        batch, cookie = self.batch, self.cookie
        paths = itertools.cycle(
            (
                f"/api/v1/batches/{batch}/rows?search=nothing",
                f"/api/v1/batches/{batch}/rows?search=nothing&with_page=true",
                f"/api/v1/batches/{batch}/results.csv",
                f"/api/v1/batches/{batch}/grid",
                "/api/v1/openapi.json",
                "/history?text=nothing&zone=UTC",
                "/config",
            )
        )

        async def work(http: httpx.AsyncClient) -> None:
            await http.get(next(paths), headers={"cookie": cookie})

        await self._forever(SEARCHERS, work)

    async def open_sessions(self) -> None:
        """Open more and more sessions of plugins."""
        kept = [one for part in attacked_parts() for one in part.kept]
        accepted = {"accept": "application/json, text/event-stream", "cookie": self.cookie}

        async def work(http: httpx.AsyncClient) -> None:
            for path, body in kept:
                await http.post(path, json=body, headers=accepted)

        if kept:
            await self._forever(OPENERS, work)

    async def open_sockets(self) -> None:
        """Open page sockets and keep each as long as the app allows."""

        async def again_and_again() -> None:
            address = f"ws{self.url.removeprefix('http')}/news"
            while True:
                with contextlib.suppress(OSError, WebSocketException):
                    headers = {"cookie": self.cookie} | self.headers
                    async with connect(
                        address, additional_headers=headers, local_addr=(self.source, 0)
                    ) as socket:
                        await socket.wait_closed()
                await asyncio.sleep(1)

        await asyncio.gather(*(again_and_again() for _ in range(SOCKETS)))

    async def upload(self) -> None:
        """Upload large files for a form in sequence."""
        content = secrets.token_bytes(UPLOAD)

        async def work(http: httpx.AsyncClient) -> None:
            files = {"files": ("a.bin", content)}
            await http.post("/gradio_api/upload", files=files, headers={"cookie": self.cookie})

        await self._forever(UPLOADERS, work)

    async def _forever(
        self, clients: int, work: Callable[[httpx.AsyncClient], Awaitable[None]]
    ) -> None:
        async def worker(http: httpx.AsyncClient) -> None:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    await work(http)

        async with self.http() as http:
            await asyncio.gather(*(worker(http) for _ in range(clients)))


WAYS: dict[str, Callable[[RudeClient], Coroutine[Any, Any, None]]] = {
    "bodies": RudeClient.begin_bodies,
    "guesses": RudeClient.guess,
    "searches": RudeClient.search,
    "sessions": RudeClient.open_sessions,
    "sockets": RudeClient.open_sockets,
    "uploads": RudeClient.upload,
}


def _attack(client: RudeClient, way: str) -> None:
    os.nice(NICE)
    asyncio.run(WAYS[way](client))


@contextlib.contextmanager
def being_rude(client: RudeClient, *ways: str) -> Iterator[None]:
    """Attack in these ways, or in all ways, during the block, each in its own process."""
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_attack, args=(client, way), daemon=True) for way in ways or WAYS
    ]
    for process in processes:
        process.start()
    try:
        yield
        assert all(one.is_alive() for one in processes), "one of them was rude no longer"
    finally:
        for process in processes:
            process.terminate()
            process.join()
