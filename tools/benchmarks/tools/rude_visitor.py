"""A malicious visitor with its own process and address: bounded attacks on an app on this
machine."""

from __future__ import annotations

import asyncio
import contextlib
import io
import multiprocessing
import secrets
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tools.benchmarks.tools.clients import SEED, WORKFLOW

ADDRESS = "127.0.0.2"
WAIT = 90.0
SLOW_LOGINS, SLOW_UPLOADS, COOKIES, SOCKETS, PAGES, PRESSES = 200, 64, 1000, 2000, 5000, 20
SIDE = 8192  # refused
LARGEST = 5120  # of an image that can be painted
AT_ONCE = 16
UPLOAD = "/gradio_api/upload"
CALL = "/gradio_api/run/predict"


def cookie_of(url: str) -> str:
    """Return the cookie that the app gives a browser at the rude address."""
    with httpx.Client(transport=httpx.HTTPTransport(local_address=ADDRESS), timeout=WAIT) as http:
        return http.get(url).headers["set-cookie"].partition(";")[0]


def made_up(cookie: str) -> dict[str, str]:
    return {"cookie": f"{cookie.partition('=')[0]}={secrets.token_urlsafe(32)}"}


def visitor(url: str) -> httpx.AsyncClient:
    """Return an HTTP client at the rude address."""
    limits = httpx.Limits(max_connections=AT_ONCE)
    transport = httpx.AsyncHTTPTransport(local_address=ADDRESS, limits=limits)
    return httpx.AsyncClient(base_url=url, timeout=WAIT, transport=transport)


async def slow_logins(url: str) -> None:
    """Send sign-in forms, each at a byte per second."""
    kind = "application/x-www-form-urlencoded"
    await dribbling(url, SLOW_LOGINS, "/login", kind, b"username=anna&password=")


async def slow_uploads(url: str) -> None:
    """Upload files, each at a byte per second."""
    kind = "multipart/form-data; boundary=b"
    begin = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    await dribbling(url, SLOW_UPLOADS, UPLOAD, kind, begin)


async def dribbling(url: str, count: int, path: str, kind: str, begin: bytes) -> None:
    """Hold `count` requests open whose bodies barely arrive, and start each again when the app
    refuses it."""
    place = urlsplit(url)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length:"
        " 4000\r\n\r\n".encode()
    )

    async def again_and_again() -> None:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(
                    place.hostname, place.port, local_addr=(ADDRESS, 0)
                )
                with contextlib.closing(writer):
                    writer.write(head + begin)
                    while not writer.is_closing():
                        await asyncio.sleep(1)
                        writer.write(b"x")
                        await writer.drain()
            await asyncio.sleep(1)

    await asyncio.gather(*(again_and_again() for _ in range(count)))


async def made_up_cookies(url: str) -> None:
    """Start a run for each of many made-up users."""
    known = cookie_of(url)

    async def start(http: httpx.AsyncClient) -> None:
        body = {"data": [WORKFLOW, {SEED: secrets.randbits(32)}]}
        await http.post("/gradio_api/call/run", json=body, headers=made_up(known))

    await many(url, COOKIES, start)


async def many_sockets(url: str) -> None:
    """Open page sockets and keep each as long as the app allows."""
    opening, known = asyncio.Semaphore(AT_ONCE), cookie_of(url)

    async def one() -> None:
        with contextlib.suppress(OSError, WebSocketException):
            async with opening:
                address = f"ws{url.removeprefix('http')}/news"
                socket = await connect(
                    address, additional_headers=made_up(known), local_addr=(ADDRESS, 0)
                )
            await socket.wait_closed()

    await asyncio.gather(*(one() for _ in range(SOCKETS)))


async def drawn_pages(url: str) -> None:
    """Draw a user's forms in thousands of pages."""
    cookie = {"cookie": cookie_of(url)}

    async def draw(http: httpx.AsyncClient) -> None:
        await Page(http, cookie).draw(WORKFLOW)

    await many(url, PAGES, draw)


async def layered_images(url: str, side: int = SIDE) -> None:
    """Press Generate with painted images of this side length."""
    packed = io.BytesIO()
    Image.new("LA", (side, side), (0, 128)).save(packed, "PNG")
    cookie = {"cookie": cookie_of(url)}

    async def press(http: httpx.AsyncClient) -> None:
        page = Page(http, cookie)
        await page.draw("inpaint")
        files = {"files": ("a.png", packed.getvalue())}
        place = (await http.post(UPLOAD, files=files, headers=cookie)).json()[0]
        await page.press("inpaint", "4.image", {"file": place, "mask": place})

    await many(url, PRESSES, press, at_once=PRESSES)


async def many(
    url: str,
    count: int,
    work: Callable[[httpx.AsyncClient], Awaitable[None]],
    at_once: int = AT_ONCE,
) -> None:
    """Call `work` `count` times, several at once, without repeating refused requests."""
    numbers = iter(range(count))

    async def worker(http: httpx.AsyncClient) -> None:
        for _ in numbers:
            with contextlib.suppress(httpx.HTTPError, KeyError, TypeError, ValueError):
                await work(http)

    async with visitor(url) as http:
        await asyncio.gather(*(worker(http) for _ in range(at_once)))


class Page:
    """A page of the app, used as its own script would."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.http = http
        self.headers = headers
        self.session = secrets.token_hex(8)
        self.drawn: dict[str, Any] = {}

    async def draw(self, workflow: str) -> None:
        """Draw a workflow's form."""
        listeners = (await config(self.http))["dependencies"]
        loading = next(
            one for one in reversed(listeners) if "load" in (event for _, event in one["targets"])
        )
        choice = (await self.call(loading["id"], {"workflow": workflow}))["data"][0]
        opened = loading["outputs"][0]
        drawing = next(
            one for one in listeners if one["inputs"] == [opened] and not one["outputs"][1:]
        )
        self.drawn = (await self.call(drawing["id"], choice))["render_config"]

    async def press(self, workflow: str, key: str, value: object) -> None:
        """Press Generate, with this value in the field with this key."""
        path, body = f"/api/v1/workflows/{workflow}/runs", {"values": {key: value}, "watched": True}
        await self.http.post(path, json=body, headers=self.headers)

    async def call(self, number: int, *data: object) -> dict[str, Any]:
        """Call a listener."""
        body = {"session_hash": self.session, "fn_index": number, "data": data}
        answer: dict[str, Any] = (
            await self.http.post(CALL, json=body, headers=self.headers)
        ).json()
        return answer


async def config(http: httpx.AsyncClient) -> dict[str, Any]:
    """Return the page's configuration, fetched once per visitor."""
    if not hasattr(http, "config"):
        http.config = (await http.get("/config")).json()  # type: ignore[attr-defined]
    known: dict[str, Any] = http.config  # type: ignore[attr-defined]
    return known


ATTACKS: dict[str, Callable[[str], Awaitable[None]]] = {
    "slow logins": slow_logins,
    "slow uploads": slow_uploads,
    "made-up cookies": made_up_cookies,
    "sockets": many_sockets,
    "drawn pages": drawn_pages,
    "layered images": layered_images,
    "painted images": partial(layered_images, side=LARGEST),
}


def attack(name: str, url: str) -> None:
    """Attack until the attack is complete or the process is terminated."""
    asyncio.run(ATTACKS[name](url))  # type: ignore[arg-type]


@contextlib.contextmanager
def attacking(name: str, url: str) -> Iterator[multiprocessing.Process]:
    process = multiprocessing.get_context("spawn").Process(
        target=attack, args=(name, url), daemon=True
    )
    process.start()
    try:
        yield process  # type: ignore[misc]
    finally:
        process.terminate()
        process.join()
