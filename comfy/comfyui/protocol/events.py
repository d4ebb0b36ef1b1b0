"""Messages of ComfyUI's `/ws` as a closed union of frozen values.

`comfy.comfyui.protocol.parse` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Status:
    """The length of the server's queue, running prompt included; `sid` comes with the first one of
    a socket."""

    queue_remaining: int
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class FeatureFlags:
    """The server's answer to our flags; nothing in it is of use here."""


@dataclass(frozen=True, slots=True)
class ExecutionStart:
    """The prompt has left the queue and begins."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class ExecutionCached:
    """Nodes whose earlier results are used again."""

    prompt_id: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Executing:
    """The server works on `node`; None: it is through with the prompt and history is complete.

    `prompt_id` is missing in the one message that follows the re-opening of a socket
    (docs/comfyui.md#8).
    `display_node` is the node of the prompt that a node made at run time stands for.
    """

    node: str | None
    prompt_id: str | None
    display_node: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Steps of one node."""

    value: float
    max: float
    node: str | None
    prompt_id: str | None


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """Progress of one node in a run; `value` ends at `max`."""

    node: str
    display_node: str
    value: float
    max: float
    state: str


@dataclass(frozen=True, slots=True)
class ProgressState:
    """All nodes that run or have run, at once (cached ones are not in it)."""

    prompt_id: str
    nodes: tuple[NodeProgress, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """An image of the work so far, JPEG or PNG, as it came. Without the feature flag the server
    names neither node nor prompt. `frame`: its place in an animation, None for a single image."""

    node: str | None
    prompt_id: str | None
    data: bytes = field(repr=False)
    frame: int | None = None

    @property
    def media_type(self) -> str:
        """Return its media type."""
        return "image/png" if self.data.startswith(b"\x89PNG") else "image/jpeg"


@dataclass(frozen=True, slots=True)
class AnimatedPreviews:
    """The next previews are the frames of an animation: how many it has, and how many of them are
    shown in a second. VideoHelperSuite says so, and what other packs took over from it
    (docs/comfyui.md#46)."""

    frames: int
    rate: float


@dataclass(frozen=True, slots=True)
class ProgressText:
    """Text that a node shows while it works; the server doesn't name its prompt."""

    node: str
    text: str


@dataclass(frozen=True, slots=True)
class Executed:
    """A node's output for the user, in the raw shape that
    `comfy.comfyui.protocol.outputs.read_outputs` reads."""

    prompt_id: str
    node: str
    output: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ExecutionSuccess:
    """The prompt is done."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class ExecutionError:
    """The prompt failed, in this node."""

    prompt_id: str
    node: str | None
    class_type: str
    exception_type: str
    exception_message: str


@dataclass(frozen=True, slots=True)
class ExecutionInterrupted:
    """The prompt was stopped, in this node."""

    prompt_id: str
    node: str | None


Event = (
    Status
    | FeatureFlags
    | ExecutionStart
    | ExecutionCached
    | Executing
    | Progress
    | ProgressState
    | Preview
    | AnimatedPreviews
    | ProgressText
    | Executed
    | ExecutionSuccess
    | ExecutionError
    | ExecutionInterrupted
)
