"""Settings of elastic servers, and the decision which to start and stop. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class ScaledServer:
    """Started server. `coming`: its command still runs. `answers`: whether it answers. `runs`: how
    many it has; `taking`: whether it gets more."""

    id: str
    scale: str
    coming: bool = False
    answers: bool = True
    runs: int = 0
    taking: bool = True


@dataclass(frozen=True, slots=True)
class ScaleMemory:
    """State that lasts, with the time (`time.monotonic`) of its begin.

    `waiting`: runs that wait. `idle`: servers without runs, unless a run waits that may use them.
    `away`: servers that don't answer. `roomy`: scales that have a server with room. `unsuited`:
    scales and runs that can't use their servers, because they waited while there was room.
    """

    waiting: Mapping[str, float] = field(default_factory=dict)
    idle: Mapping[str, float] = field(default_factory=dict)
    away: Mapping[str, float] = field(default_factory=dict)
    roomy: Mapping[str, float] = field(default_factory=dict)
    unsuited: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class ScaleDecision:
    """Number of servers to start by scale, and the ids of servers to stop."""

    starts: Mapping[str, int]
    stops: tuple[str, ...]


def remembered(
    memory: ScaleMemory,
    scales: Iterable[Scale],
    servers: Sequence[ScaledServer],
    waiting: Collection[str],
    pace: Pace,
    now: float,
) -> ScaleMemory:
    """Return the memory after a look. `waiting`: the ids of the runs that wait."""
    up = [one for one in servers if not one.coming]
    names = [scale.name for scale in scales if any(_room(scale, server) for server in up)]
    roomy = _since(memory.roomy, names, now)
    waits = _since(memory.waiting, waiting, now)
    unsuited = {
        (scale, run)
        for scale, had_room in roomy.items()
        for run, waited in waits.items()
        if now - max(had_room, waited) >= pace.unsuited
    }
    unsuited |= {one for one in memory.unsuited if one[1] in waits}
    awaited = {scale for scale in roomy for run in waits if (scale, run) not in unsuited}
    idle = [one.id for one in up if not one.runs and one.scale not in awaited]
    return ScaleMemory(
        waiting=waits,
        idle=_since(memory.idle, idle, now),
        away=_since(memory.away, [one.id for one in up if not one.answers], now),
        roomy=roomy,
        unsuited=frozenset(unsuited),
    )


def decide(
    memory: ScaleMemory,
    scales: Sequence[Scale],
    servers: Sequence[ScaledServer],
    failing: Collection[str],
    pace: Pace,
    now: float,
) -> ScaleDecision:
    """Return what to do now. Each run that has waited for too long gets room at the first scale
    that may help it. `failing`: names of scales whose `up` has failed and isn't due again."""
    left = dict(memory.waiting)
    starts: dict[str, int] = {}
    for scale in scales:
        own = [one for one in servers if one.scale == scale.name]
        helped = [
            run
            for run, since in left.items()
            if now - since >= scale.after_waiting and (scale.name, run) not in memory.unsuited
        ]
        room = sum(_room(scale, one) for one in own)
        missing = -(-max(0, len(helped) - room) // scale.limit)
        count = 0 if scale.name in failing else min(missing, max(0, scale.most - len(own)))
        if count:
            starts[scale.name] = count
        for run in helped[: room + count * scale.limit]:
            del left[run]
    by_name = {one.name: one for one in scales}
    stops = (
        one.id
        for one in servers
        if one.scale in by_name and _ends(memory, by_name[one.scale], one, pace, now)
    )
    return ScaleDecision(starts, tuple(stops))


def _room(scale: Scale, server: ScaledServer) -> int:
    """Return how many more runs a server of this scale will take."""
    if server.scale != scale.name or not server.taking or not server.answers:
        return 0
    return max(0, scale.limit - server.runs)


def _ends(memory: ScaleMemory, scale: Scale, server: ScaledServer, pace: Pace, now: float) -> bool:
    if server.coming or not server.taking:
        return False
    idle, away = memory.idle.get(server.id, now), memory.away.get(server.id, now)
    is_idle = server.id in memory.idle and now - idle >= scale.idle
    return is_idle or now - away >= (pace.spot_gone if scale.spot else pace.gone)


def _since(before: Mapping[str, float], now_so: Iterable[str], now: float) -> dict[str, float]:
    return {one: before.get(one, now) for one in now_so}
