"""Messages of ComfyUI's `/ws` as a closed union of frozen values.

`comfy.comfyui.protocol.parse` creates them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Status:
    """Length of the server's queue, including the running prompt. Only a socket's first message has
    a `sid`."""

    queue_remaining: int
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class FeatureFlags:
    """The server's answer to our flags, which isn't used here."""


@dataclass(frozen=True, slots=True)
class EditorMessage:
    """A message for the editor or for other programs, such as a download of a model, which isn't
    used here (docs/comfyui.md#56)."""


@dataclass(frozen=True, slots=True)
class ExecutionStart:
    """The prompt has left the queue and starts."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class ExecutionCached:
    """Nodes whose earlier results are reused."""

    prompt_id: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Executing:
    """The server works on `node`. None: the prompt is over and its history is complete.

    `prompt_id` is missing in the one message after a socket is reopened (docs/comfyui.md#8). If a
    node was created at run time, `display_node` is the node of the prompt that it stands for.
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
    """Progress of one node in a run; at the end, `value` is `max`."""

    node: str
    display_node: str
    value: float
    max: float
    state: str


@dataclass(frozen=True, slots=True)
class ProgressState:
    """Progress of all nodes that run or have run, without cached ones."""

    prompt_id: str
    nodes: tuple[NodeProgress, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """Intermediate image, JPEG or PNG, unchanged. Without the feature flag, the server names
    neither node nor prompt. `frame`: its index in an animation, None for a single image."""

    node: str | None
    prompt_id: str | None
    data: bytes = field(repr=False)
    frame: int | None = None

    @property
    def media_type(self) -> str:
        return "image/png" if self.data.startswith(b"\x89PNG") else "image/jpeg"


@dataclass(frozen=True, slots=True)
class AnimatedPreviews:
    """The next previews are the frames of an animation: their number, and the frames per second.
    Sent by VideoHelperSuite and packs that copied its code (docs/comfyui.md#46)."""

    frames: int
    rate: float


@dataclass(frozen=True, slots=True)
class ProgressText:
    """Text that a node shows while it works. Most servers don't name its prompt."""

    node: str
    text: str
    prompt_id: str | None = None


@dataclass(frozen=True, slots=True)
class Executed:
    """A node's output for the user, in the raw shape that
    `comfy.comfyui.protocol.outputs.read_outputs` reads. `display_node`: see `Executing`."""

    prompt_id: str
    node: str
    output: Mapping[str, object]
    display_node: str | None = None


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
    | EditorMessage
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
