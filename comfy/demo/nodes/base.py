"""Base types of the stand-in's nodes, and their interface to the run."""

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
    """Failure of a node that can't process its inputs. Users see the message."""


@dataclass(slots=True)
class Speed:
    """Simulated durations in seconds, shared by a server and its runs. They can change during a
    run.

    `painted`: the longer side, in pixels, at which images are painted. Larger images are scaled up,
    except previews.
    """

    step: float = 0.15
    load: float = 0.3
    encode: float = 0.02
    painted: int = 1024


class NodeRun(Protocol):
    """The run that executes a node."""

    @property
    def storage(self) -> Storage:
        """Return the server's folders."""

    @property
    def speed(self) -> Speed:
        """Return the simulated durations."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Return the metadata that save nodes write into files: the prompt, and the editor's graph
        if it was sent."""

    @property
    def api_key(self) -> str | None:
        """Return the comfy.org API key that was sent with the prompt."""

    def wait(self, seconds: float) -> None:
        """Simulate work. Raises Interrupted as soon as the run is stopped."""

    def step(self, value: int, total: int, preview: Callable[[], Image.Image] | None) -> None:
        """Report progress, and paint the preview if a client wants it. Raises Interrupted."""

    def tell(self, text: str, node_id: str | None = None) -> None:
        """Show clients a text on the running node, or on another one."""


@dataclass(frozen=True, slots=True)
class NodeClass:
    """A node class: its catalog entry, which may depend on the available files, and its
    function."""

    describe: Callable[[Storage], NodeInfo]
    run: Callable[[NodeRun, Inputs], NodeResult]
    fingerprint: Callable[[Storage, Inputs], str] | None = None
    """Key of what a cached result depends on besides the inputs, such as a file's bytes."""
    validate: Callable[[Storage, Inputs], Mapping[str, str]] | None = None
    """Errors by input name. Inputs that it checks aren't checked against their list of choices."""
    validated: frozenset[str] = frozenset()


def fixed(entry: NodeInfo) -> Callable[[Storage], NodeInfo]:
    """Return a `describe` function for an entry that doesn't depend on files."""
    return lambda storage: entry


def pause(event: threading.Event, seconds: float) -> None:
    """Sleep until the time is over or the event is set. Raises Interrupted if it is set."""
    if event.wait(seconds) if seconds > 0 else event.is_set():
        raise Interrupted
