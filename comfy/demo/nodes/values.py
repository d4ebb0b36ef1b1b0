"""Values on the links of a graph inside the stand-in.

The real server passes tensors; here an IMAGE is a tuple of RGB images, a MASK a tuple of gray ones,
and a latent holds images at pixel size together with the share of noise left in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image

Images = tuple[Image.Image, ...]
Masks = tuple[Image.Image, ...]
RawPrompt = dict[str, dict[str, Any]]  # nodes by id, as they were sent


@dataclass(frozen=True, slots=True)
class Model:
    """A MODEL, CLIP or VAE; only its name and LoRAs affect the painting."""

    name: str
    loras: tuple[tuple[str, float], ...] = ()

    def with_lora(self, name: str, strength: float) -> Model:
        """Return the model with one more LoRA; strength 0 changes nothing, like on the
        real server."""
        return self if strength == 0 else Model(self.name, (*self.loras, (name, strength)))


@dataclass(frozen=True, slots=True)
class Conditioning:
    """A text as seen by one CLIP."""

    text: str
    clip: Model


@dataclass(frozen=True, slots=True)
class Latent:
    """A batch of images being made. An image of None is empty: nothing but noise to start
    from."""

    width: int
    height: int
    images: tuple[Image.Image | None, ...]
    mask: Image.Image | None = None
    leftover: float = 0.0

    def __str__(self) -> str:
        shape = (len(self.images), 4, self.height // 8, self.width // 8)
        return f"{{'samples': latent of shape {shape}, 'downscale_ratio_spacial': 8}}"


@dataclass(frozen=True, slots=True)
class AudioSamples:
    """Interleaved signed 16-bit samples."""

    samples: bytes
    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A video or a sound as it is in a file; `ending`: of its name, as ".mp4"."""

    data: bytes
    ending: str


@dataclass(frozen=True, slots=True)
class VideoFrames:
    """Images shown at a steady rate, perhaps with sound."""

    images: Images
    fps: float
    audio: AudioSamples | MediaFile | None = None


@dataclass(frozen=True, slots=True)
class NodeResult:
    """Result of a node: one value per slot and, for nodes with UI output, the output."""

    outputs: tuple[Any, ...] = ()
    ui: dict[str, list[Any]] | None = None


def is_link(value: object) -> bool:
    """A link is a list of node id and output slot; any other list is a mistake in the prompt."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )
