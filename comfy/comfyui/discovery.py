"""Choose the ComfyUI servers: the named ones, else a ComfyUI on this machine, else the built-in
stand-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool

_LOCAL = ServerAddress("http://127.0.0.1:8188")
_LOOK_SECONDS = 1.0
STAND_IN_BYTES = 256 * 1024**2
APP = "comfyforms"  # in the answer of an app that programs take for a ComfyUI


@dataclass(frozen=True, slots=True)
class ChosenServers:
    """Servers that get the prompts. `stand_in`: it is the built-in stand-in, which draws demo
    images."""

    addresses: tuple[ServerAddress, ...]
    stand_in: bool

    def __str__(self) -> str:
        urls = " and ".join(address.url for address in self.addresses)
        return f"the stand-in at {urls} (demo images)" if self.stand_in else f"ComfyUI at {urls}"


@contextmanager
def choose_servers(
    addresses: Sequence[ServerAddress], templates: Path | None = None, room: int | None = None
) -> Iterator[ChosenServers]:
    """Yield the servers at these addresses. Without addresses, yield ComfyUI at 127.0.0.1:8188 if
    it answers, otherwise a stand-in that runs during the block. Named servers aren't checked, since
    they may start later.

    `room`: the caller stores copies of all results, so the stand-in deletes its own, and stores at
    most this number of bytes. The stand-in offers the templates of ComfyUI's own package if that is
    installed, otherwise the workflows in the folder `templates`."""
    if addresses or answers(_LOCAL):
        yield ChosenServers(tuple(addresses) or (_LOCAL,), stand_in=False)
        return
    # imports a web server and images, which only the stand-in needs
    from comfyui_standin import DemoServer, folder_templates, package_templates

    offered = (package_templates() or folder_templates(templates)) if templates else None
    built_in, most = room is not None, STAND_IN_BYTES if room is None else room
    with DemoServer(templates=offered, anything=True, built_in=built_in, most_bytes=most) as demo:
        address = ServerAddress(demo.url, label=message("Demo"), built_in=built_in)
        yield ChosenServers((address,), stand_in=True)


@contextmanager
def opened_servers(
    addresses: Sequence[ServerAddress],
    *,
    shown: bool = True,
    limits: Mapping[str, int] | None = None,
) -> Iterator[ServerPool]:
    """Yield the pool of servers at these addresses, with periodic checks. `shown`: users may see
    the addresses; `limits`: see `ServerPool`."""
    with ExitStack() as clients:
        opened = [
            clients.enter_context(Client(replace(address, shown=shown))) for address in addresses
        ]
        yield clients.enter_context(ServerPool(*opened, limits=limits))


def answers(address: ServerAddress) -> bool:
    """Tell if a ComfyUI answers there within a second. Another app isn't one."""
    with Client(address, timeout=_LOOK_SECONDS) as client:
        try:
            stats = client.system_stats()
        except ComfyError:
            return False
    return "system" in stats and APP not in stats
