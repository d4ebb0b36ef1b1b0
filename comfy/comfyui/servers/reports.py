"""State of each server: version, queue and memory; queried once for all callers.

Reasons why runs wait, and the model files that they wait for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from threading import Condition
from typing import Any, Literal

from cachetools import TTLCache, cached

from comfy.base.errors import ComfyError, TooManyThreads
from comfy.base.json_values import as_dicts, as_mapping, as_number, as_text
from comfy.base.threads import in_threads
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ANSWER_SECONDS, ComfyServer

# Limits for untrusted values: every caller of the health endpoint gets these reports.
_LONGEST, _MOST_DEVICES, _MOST_BYTES = 100, 64, 2**53
_FRESH = 2.0  # seconds that a response stays valid for all callers
_DOWN_SECONDS = 1.0  # to wait for a server that didn't answer the last check, shorter than a probe
WaitReason = Literal["busy", "paused", "away", "unable"]
_MOST_MODELS = 50


@dataclass(frozen=True, slots=True)
class Memory:
    """A server's device with its memory in bytes, None if the server doesn't report it."""

    device: str
    free: int | None
    total: int | None


@dataclass(frozen=True, slots=True)
class ServerReport:
    """State of a ComfyUI server.

    `name`: its address if callers may know it, otherwise a name, with a number if there are several
    servers. `drained`: it gets no more runs. `running`, `waiting`: prompts of all clients in its
    queue. `version`: "" if unknown.
    """

    name: str
    up: bool
    drained: bool = False
    version: str = ""
    running: int | None = None
    waiting: int | None = None
    memory: tuple[Memory, ...] = ()


ServerReports = tuple[tuple[ComfyServer, ServerReport], ...]


def fresh(pool: ServerPool) -> Callable[[], ServerReports]:
    """Return a function that queries all servers at once, or one after another if threads are
    short. It queries at most once in two seconds for all callers."""

    @cached(TTLCache[Any, ServerReports](1, _FRESH), condition=Condition())
    def look() -> ServerReports:
        servers = pool.servers
        named = tuple(zip(servers, _names(servers, shown=pool.shown), strict=True))
        try:
            reports = tuple(in_threads(lambda one: _health_of(*one), named, name="reports"))
        except TooManyThreads:  # callers need a report even then
            reports = tuple(_health_of(*one) for one in named)
        return tuple(zip(servers, reports, strict=True))

    return look


def _names(servers: Sequence[ComfyServer], *, shown: bool) -> tuple[str, ...]:
    names = tuple(one.client.address.short_name for one in servers)
    if shown or len(names) == 1:
        return names
    numbered = zip(servers, names, strict=True)
    return tuple(
        name if one.client.address.label else f"{name} {number}"
        for number, (one, name) in enumerate(numbered, 1)
    )


def _health_of(server: ComfyServer, name: str) -> ServerReport:
    """Query a server and return its report under this name. If it doesn't respond, report it as
    down."""
    answered = server.up and not server.problem  # also the last report
    client = server.client.fork(timeout=ANSWER_SECONDS if answered else _DOWN_SECONDS)
    try:
        stats, queue = client.system_stats(), client.queue()
    except ComfyError as problem:
        server.problem = str(problem)
        return ServerReport(name, up=False, drained=server.drained)
    server.problem = ""
    return ServerReport(
        name,
        up=True,
        drained=server.drained,
        version=_cut(as_mapping(stats.get("system")).get("comfyui_version")),
        running=len(queue.running),
        waiting=len(queue.pending),
        memory=tuple(map(_memory, islice(as_dicts(stats.get("devices")), _MOST_DEVICES))),
    )


def _memory(device: dict[str, Any]) -> Memory:
    free, total = (as_number(device.get(name)) for name in ("vram_free", "vram_total"))
    return Memory(_cut(device.get("name")), _whole(free), _whole(total))


def _whole(number: float | None) -> int | None:
    return int(number) if number is not None and abs(number) < _MOST_BYTES else None


def _cut(text: object) -> str:
    return as_text(text)[:_LONGEST]


def wait_reason(pool: ServerPool, needs: Needs) -> WaitReason:
    """Return why a run waits: its servers are busy, paused, or don't answer, or no server has what
    it needs."""
    able = [one for one in pool.servers if one.can_do(needs)]
    if not able:
        return "unable"
    up = [one for one in able if one.up]
    if not up:
        return "away"
    return "busy" if any(one.takes_runs for one in up) else "paused"


def models_waited_for(nodes: Catalog, waiting: Iterable[Needs]) -> Counter[str]:
    """Count the waiting runs of each model file, for the files that most runs wait for. Only files
    in the lists of `nodes` count, because users may write any name."""
    counts = Counter(model for needs in waiting for model in needs.chosen_models(nodes))
    return Counter(dict(counts.most_common(_MOST_MODELS)))
