"""Base types of the stand-in's nodes, and the interface of the run they belong to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image

from comfy.demo.nodes.describe import NodeInfo
from comfy.demo.nodes.values import NodeResult
from comfy.demo.storage import Storage

Inputs = Mapping[str, Any]


class Interrupted(Exception):
    """The prompt was interrupted."""


class NodeFailure(Exception):
    """A node cannot do what it is asked; the sentence goes to the person."""


@dataclass(slots=True)
class Speed:
    """Simulated durations in seconds, shared by a server and its runs, and changeable during a run.

    `painted`: the longer side, in pixels, at which images are painted. Larger images are scaled up,
    except previews.
    """

    step: float = 0.15
    load: float = 0.3
    encode: float = 0.02
    painted: int = 1024


class NodeRun(Protocol):
    """The run a node is executed in."""

    @property
    def storage(self) -> Storage:
        """The folders of the server."""

    @property
    def speed(self) -> Speed:
        """Return the simulated durations."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Return the metadata that save nodes write into files: the prompt, and the editor's graph
        if it was sent."""

    def wait(self, seconds: float) -> None:
        """Pretend to work; raises Interrupted as soon as the run is stopped."""

    def step(self, value: int, total: int, preview: Callable[[], Image.Image] | None) -> None:
        """Report progress, and make the preview if a client wants it. Raise Interrupted."""


@dataclass(frozen=True, slots=True)
class NodeClass:
    """One class of node: its catalogue entry (which may depend on the files there are) and its
    work."""

    describe: Callable[[Storage], NodeInfo]
    run: Callable[[NodeRun, Inputs], NodeResult]
    fingerprint: Callable[[Storage, Inputs], str] | None = None
    """What besides the inputs decides whether a cached result may be used: a file's bytes."""
    validate: Callable[[Storage, Inputs], Mapping[str, str]] | None = None
    """Input name → what is wrong with it. What is checked here is not checked against its list."""
    validated: frozenset[str] = frozenset()


def fixed(entry: NodeInfo) -> Callable[[Storage], NodeInfo]:
    """Return the part of a node's description that doesn't depend on files."""
    return lambda storage: entry


def pause(event: threading.Event, seconds: float) -> None:
    """Sleep unless or until the event is set; Interrupted if it is."""
    if event.wait(seconds) if seconds > 0 else event.is_set():
        raise Interrupted
