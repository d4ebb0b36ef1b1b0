"""Values on links between nodes inside the stand-in.

The real server passes tensors. Here an IMAGE is a tuple of RGB images, and a MASK is a tuple of
grayscale ones. A latent holds images at pixel size and the share of noise left in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

Images = tuple[Image.Image, ...]
Masks = tuple[Image.Image, ...]
RawPrompt = dict[str, dict[str, Any]]  # nodes by id, as submitted


@dataclass(frozen=True, slots=True)
class Model:
    """A MODEL, CLIP or VAE; only its name and LoRAs affect the painting."""

    name: str
    loras: tuple[tuple[str, float], ...] = ()

    def with_lora(self, name: str, strength: float) -> Model:
        """Return the model with another LoRA. A strength of 0 changes nothing, as on the real
        server."""
        return self if strength == 0 else Model(self.name, (*self.loras, (name, strength)))


@dataclass(frozen=True, slots=True)
class Conditioning:
    """A text encoded by a CLIP."""

    text: str
    clip: Model


@dataclass(frozen=True, slots=True)
class Latent:
    """A batch of images in progress. None stands for an empty image: pure noise."""

    width: int
    height: int
    images: tuple[Image.Image | None, ...]
    mask: Image.Image | None = None
    leftover: float = 0.0

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
