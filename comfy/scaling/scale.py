"""Settings of elastic servers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from comfy.comfyui.client.address import ServerAddress


@dataclass(frozen=True, slots=True)
class Scale:
    """Kind of servers that the app starts and stops. Times are in seconds.

    `up`, `down`: commands with their arguments. `after_waiting`: how long a run waits until the app
    starts a server for it. `idle`: how long a server has no run until the app stops it. `most`: the
    maximum number of servers. `spot`: a server may vanish at any time. `timeout`: how long `down`
    may take, and `up` until the server answers. `limit`: how many runs a server gets at once.
    `address` returns the address and credentials of a server at a URL; it raises ComfyError.
    """

    name: str
    up: tuple[str, ...]
    down: tuple[str, ...]
    address: Callable[[str], ServerAddress]
    after_waiting: float = 30.0
    idle: float = 600.0
    most: int = 1
    spot: bool = False
    timeout: float = 600.0
    limit: int = 1


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds. `look`: between two looks; `answer`: for a server to answer; `settle`: from
    a server's last chance to get a run until it is stopped. A server that doesn't answer counts as
    gone after `gone`, or after `spot_gone` if it may vanish. A run that waits for `unsuited`
    although a server has room can't use it. A command counts as interrupted when no process has
    worked on it for `lease`. `retry`: the first pause after a failure, doubled each time up to
    `longest`."""

    look: float = 1.0
    settle: float = 5.0
    gone: float = 120.0
    spot_gone: float = 15.0
    unsuited: float = 10.0
    lease: float = 15.0
    answer: float = 5.0
    retry: float = 30.0
    longest: float = 1800.0

    def after_failures(self, count: int) -> float:
        """Return the pause after this many failures in a row."""
        return float(min(self.longest, self.retry * 2 ** min(count - 1, 20)))
