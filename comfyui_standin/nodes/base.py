"""Base types of the stand-in's nodes, and their interface to the run.

Values on links between nodes inside the stand-in.

The real server passes tensors. Here an IMAGE is a sequence of RGB images, and a MASK is one of
grayscale ones. A latent holds images at pixel size and the share of noise left in them.

`entries.json` has the entries of /object_info in the shapes of ComfyUI 0.33, with the real names,
types, limits and defaults, one class a line.

ComfyUI has two formats. Older nodes write a combo as `[["a", "b"], {…}]`. Newer ones (V3) write
`["COMBO", {"options": […]}]` and have more keys. The help texts are our own.
"""

from __future__ import annotations

import functools
import json
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from comfyui_standin.storage import Storage

Images = Sequence[Image.Image]
Masks = Sequence[Image.Image]
RawPrompt = dict[str, dict[str, Any]]  # nodes by id, as submitted
Spec = list[Any]
NodeInfo = dict[str, Any]
Inputs = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Model:
    """A MODEL, CLIP or VAE. Only its name, its LoRAs and the image that steers the composition
    affect the painting. `mask`: the only area of that image that changes."""

    name: str
    loras: tuple[tuple[str, float], ...] = ()
    guide: Image.Image | None = None
    mask: Image.Image | None = None

    def with_lora(self, name: str, strength: float) -> Model:
        """Return the model with another LoRA. A strength of 0 changes nothing, as on the real
        server."""
        return self if strength == 0 else replace(self, loras=(*self.loras, (name, strength)))


@dataclass(frozen=True, slots=True)
class Conditioning:
    """A text encoded by a CLIP. `image`: what the text is to change, for models that edit; `mask`:
    the only area of it that changes."""

    text: str
    clip: Model
    image: Image.Image | None = None
    mask: Image.Image | None = None


@dataclass(frozen=True, slots=True)
class Latent:
    """A batch of images in progress. None stands for an empty image: pure noise. `leftover`: the
    share of noise that is left in them. `frames`: how many frames each stands for in a video, which
    ends with the image `last`. `text`: what they were sampled from."""

    width: int
    height: int
    images: tuple[Image.Image | None, ...]
    mask: Image.Image | None = None
    leftover: float = 0.0
    frames: int = 1
    text: str = ""
    last: Image.Image | None = None

    def __str__(self) -> str:
        shape = (len(self.images), 4, self.height // 8, self.width // 8)
        return f"{{'samples': latent of shape {shape}, 'downscale_ratio_spacial': 8}}"


@dataclass(frozen=True, slots=True)
class AudioLatent:
    """A batch of sounds in progress. Once sampled, it has the `text` and `seed` they are made
    of."""

    seconds: float
    count: int
    text: str = ""
    seed: int = 0

    def __str__(self) -> str:
        shape = (self.count, 64, round(self.seconds * 44100 / 2048 / 2) * 2)
        return f"{{'samples': latent of shape {shape}, 'type': 'audio'}}"


@dataclass(frozen=True, slots=True)
class AudioSamples:
    """Interleaved signed 16-bit samples."""

    samples: bytes
    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A video or audio file's content. `ending`: the extension, such as .mp4."""

    data: bytes
    ending: str


@dataclass(frozen=True, slots=True)
class VideoFrames:
    """Images at a constant frame rate, optionally with sound."""

    images: Images
    fps: float
    audio: AudioSamples | MediaFile | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A list on a link. A node after it runs once per item, unless its class takes lists."""

    items: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class NodeResult:
    """Result of a node: one value per slot, and the UI output if the node has any. `meta`: the
    output's metadata in the history, from the prompt that ran the node (docs/comfyui.md#63)."""

    outputs: tuple[Any, ...] = ()
    ui: dict[str, list[Any]] | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


def is_link(value: object) -> bool:
    """Return whether a value is a link, a list of node id and output slot. Any other list is a
    mistake in the prompt."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )


def spec(type_: str | Sequence[str], **options: Any) -> Spec:
    """Return an input's entry: its type, or its choices for a combo in the old format, and its
    options if any."""
    kind = type_ if isinstance(type_, str) else list(type_)
    return [kind, options] if options else [kind]


def node_info(  # noqa: PLR0913 - what the server says of a node, all by name
    name: str,
    display_name: str,
    category: str,
    *,
    required: Mapping[str, Spec],
    optional: Mapping[str, Spec] | None = None,
    hidden: Mapping[str, Any] | None = None,
    outputs: Sequence[str] = (),
    output_names: Sequence[str] | None = None,
    output_node: bool = False,
    description: str = "",
    module: str = "nodes",
    extra: Mapping[str, Any] | None = None,
) -> NodeInfo:
    """Return a node's entry in the older format."""
    groups: dict[str, Any] = {"required": dict(required)}
    if optional:
        groups["optional"] = dict(optional)
    if hidden:
        groups["hidden"] = dict(hidden)
    return {
        "input": groups,
        "input_order": {group: list(inputs) for group, inputs in groups.items()},
        "is_input_list": False,
        "output": list(outputs),
        "output_is_list": [False] * len(outputs),
        "output_name": list(output_names or outputs),
        "name": name,
        "display_name": display_name,
        "description": description,
        "python_module": module,
        "category": category,
        "output_node": output_node,
        "has_intermediate_output": False,
        "search_aliases": [],
        **(extra or {}),
    }


class Interrupted(Exception):
    """The prompt was interrupted."""


class NodeFailure(Exception):
    """Failure of a node that can't process its inputs. Users see the message."""


@dataclass(slots=True)
class Speed:
    """Simulated durations in seconds, shared by a server and its runs. They can change during a
    run.

    `painted`: the longer side, in pixels, at which images are painted. Larger images are scaled up,
    except previews. `longest`: of all that a run simulates.
    """

    step: float = 0.15
    load: float = 0.3
    encode: float = 0.02
    painted: int = 1024
    longest: float = math.inf


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

    def step(
        self,
        value: int,
        total: int,
        preview: Callable[[], Image.Image] | None,
        *,
        is_result: bool = False,
    ) -> None:
        """Report progress, and paint the preview if a client wants it, or a result that goes to
        every client. Raises Interrupted."""

    def tell(self, text: str, node_id: str | None = None) -> None:
        """Show clients a text on the running node, or on another one."""


Work = Callable[[NodeRun, Inputs], NodeResult]


@dataclass(frozen=True, slots=True)
class NodeClass:
    """A node class: its catalog entry, which may depend on the available files, and its
    function."""

    describe: Callable[[Storage], NodeInfo]
    run: Work
    fingerprint: Callable[[Storage, Inputs], str] | None = None
    """Key of what a cached result depends on besides the inputs, such as a file's bytes."""
    validate: Callable[[Storage, Inputs], Mapping[str, str]] | None = None
    """Errors by input name. Inputs that it checks aren't checked against their list of choices."""
    validated: frozenset[str] = frozenset()


def fixed(entry: NodeInfo) -> Callable[[Storage], NodeInfo]:
    """Return a `describe` function for an entry that doesn't depend on files."""
    return lambda storage: entry


@functools.cache
def entries() -> Mapping[str, NodeInfo]:
    """Return the entries of the stand-in's own classes, by name."""
    return dict(json.loads(Path(__file__).with_name("entries.json").read_text(encoding="utf-8")))


def node(
    name: str, run: Work, fingerprint: Callable[[Storage, Inputs], str] | None = None
) -> tuple[str, NodeClass]:
    """Return one of the stand-in's own classes, with its name."""
    return name, NodeClass(fixed(entries()[name]), run, fingerprint)


def pause(event: threading.Event, seconds: float) -> None:
    """Sleep until the time is over or the event is set. Raises Interrupted if it is set."""
    if event.wait(seconds) if seconds > 0 else event.is_set():
        raise Interrupted
