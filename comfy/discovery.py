"""Which server to talk to: the one named, else a ComfyUI on this machine, else the stand-in,
started inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from comfy.client.address import ServerAddress
from comfy.client.client import Client
from comfy.errors import ComfyError

_LOCAL = ServerAddress("http://127.0.0.1:8188")
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ChosenServer:
    """Where to send prompts. `stand_in`: it is this program's own, which paints demo images."""

    address: ServerAddress
    stand_in: bool

    def __str__(self) -> str:
        url = self.address.url
        return f"the stand-in at {url} (demo images)" if self.stand_in else f"ComfyUI at {url}"


@contextmanager
def choose_server(address: ServerAddress | None) -> Iterator[ChosenServer]:
    """The server at `address`; without one, ComfyUI at 127.0.0.1:8188 if it answers, else a
    stand-in for as long as the block lasts. A named server is believed: it may start later.
    """
    if address or answers(_LOCAL):
        yield ChosenServer(address or _LOCAL, stand_in=False)
        return
    from comfy.demo import (
        DemoServer,
    )  # a web server and its images, not needed where there is a ComfyUI

    with DemoServer() as demo:
        yield ChosenServer(ServerAddress(demo.url), stand_in=True)


def answers(address: ServerAddress) -> bool:
    """Whether a ComfyUI answers there within a second."""
    with Client(address, timeout=_LOOK_SECONDS) as client:
        try:
            return "system" in client.system_stats()
        except ComfyError:
            return False
