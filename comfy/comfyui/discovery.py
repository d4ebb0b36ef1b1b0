"""Which servers to talk to: those named, else a ComfyUI on this machine, else the stand-in,
started inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from comfy.base.errors import ComfyError
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool

_LOCAL = ServerAddress("http://127.0.0.1:8188")
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ChosenServers:
    """Where to send prompts. `stand_in`: it is this program's own, which paints demo images."""

    addresses: tuple[ServerAddress, ...]
    stand_in: bool

    def __str__(self) -> str:
        urls = " and ".join(address.url for address in self.addresses)
        return f"the stand-in at {urls} (demo images)" if self.stand_in else f"ComfyUI at {urls}"


@contextmanager
def choose_servers(addresses: Sequence[ServerAddress]) -> Iterator[ChosenServers]:
    """The servers at these addresses; without one, ComfyUI at 127.0.0.1:8188 if it answers, else a
    stand-in for as long as the block lasts. A named server is believed: it may start later.
    """
    if addresses or answers(_LOCAL):
        yield ChosenServers(tuple(addresses) or (_LOCAL,), stand_in=False)
        return
    from comfy.demo import (
        DemoServer,
    )  # a web server and its images, not needed where there is a ComfyUI

    with DemoServer() as demo:
        yield ChosenServers((ServerAddress(demo.url),), stand_in=True)


@contextmanager
def opened_servers(
    addresses: Sequence[ServerAddress],
    *,
    shown: bool = True,
    limits: Mapping[str, int] | None = None,
) -> Iterator[ServerPool]:
    """Return the pool of servers at these addresses, with periodic checks. `shown`: users may see
    the addresses; `limits`: see `ServerPool`."""
    with ExitStack() as clients:
        opened = [
            clients.enter_context(Client(replace(address, shown=shown))) for address in addresses
        ]
        yield clients.enter_context(ServerPool(*opened, limits=limits))


def answers(address: ServerAddress) -> bool:
    """Tell if a ComfyUI answers there within a second."""
    with Client(address, timeout=_LOOK_SECONDS) as client:
        try:
            return "system" in client.system_stats()
        except ComfyError:
            return False
