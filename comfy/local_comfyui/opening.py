"""Open the ComfyUIs that the app starts."""

from __future__ import annotations

import logging
import random
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from comfy.base.errors import ComfyError, words_of
from comfy.comfyui.client.address import ServerAddress
from comfy.local_comfyui.installation import LocalSettings
from comfy.local_comfyui.supervisor import LocalComfyUI

log = logging.getLogger(__name__)

# Below the ports that systems choose for outgoing connections, so that a port is still free after a
# restart of ComfyUI.
_FIRST_PORT, _LAST_PORT = 12_000, 15_000
_TRIES = 200


@contextmanager
def opened_locally(
    settings: Sequence[LocalSettings], folder: Path
) -> Iterator[tuple[LocalComfyUI, ...]]:
    """Yield a ComfyUI for each of these settings; `LocalComfyUI.start` starts it. They end with the
    block. `folder`: for their logs and ports, created if there are any settings. Raises
    ComfyError."""
    with ExitStack() as stack:
        opened = []
        ports = _ports(folder, len(settings)) if settings else []
        for number, (one, port) in enumerate(zip(settings, ports, strict=True)):
            address = ServerAddress(f"http://127.0.0.1:{port}", label=one.label)
            file = folder / f"comfyui-{number}.log"
            local = LocalComfyUI(one.installation, address, file, limit=one.limit)
            opened.append(stack.enter_context(local))
        yield tuple(opened)


def _ports(folder: Path, count: int) -> list[int]:
    """Return free ports, the ones of the last start if possible: records name the servers by their
    addresses."""
    file = folder / "ports"
    former: list[int] = []
    with suppress(OSError, ValueError):
        former = [int(word) for word in file.read_text(encoding="ascii").split()]
    ports: list[int] = []
    for number in range(count):
        wanted = former[number] if number < len(former) else 0
        ports.append(_free_port(wanted, taken=ports))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_text(" ".join(map(str, ports)), encoding="ascii")
    except OSError as error:
        log.warning("Can't write %s: %s", file, words_of(error))
    return ports


def _free_port(wanted: int, taken: Sequence[int]) -> int:
    choice = random.SystemRandom()
    for attempt in range(_TRIES):
        port = wanted if wanted and not attempt else choice.randrange(_FIRST_PORT, _LAST_PORT)
        if port in taken:
            continue
        with suppress(OSError, OverflowError), socket.create_server(("127.0.0.1", port)):
            return port
    raise ComfyError("No port is free for ComfyUI.", "End other programs on this machine.")
