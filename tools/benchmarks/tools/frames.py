"""A sampler for the stand-in that sends preview frames of an exact size at an exact pace, and
records when."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from PIL import Image, ImageFilter

from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import Inputs, Latent, NodeResult, NodeRun
from comfyui_standin.nodes.registry import NODES

SIZE = 512  # pixels, both ways
BYTES = 67_000  # of a preview of 512 x 512 as ComfyUI sends it
KINDS = 8  # different images, taken in turn
BITS = 16  # of a frame's number, in as many black and white squares along its upper edge
QUALITIES = range(95, 10, -3)


@cache
def numbered(number: int) -> bytes:
    """Return a JPEG of exactly `BYTES` bytes that shows its number. Benchmarks create the images of
    whole runs before they start measuring."""
    side = SIZE // BITS
    image = _image(number % KINDS).copy()
    for bit in range(BITS):
        white = number >> (BITS - 1 - bit) & 1
        image.paste("white" if white else "black", (bit * side, 0, (bit + 1) * side, side))
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        if (room := BYTES - len(buffer.getvalue()) - 4) >= 0:
            jpeg = buffer.getvalue()
            return jpeg[:2] + b"\xff\xfe" + (room + 2).to_bytes(2, "big") + bytes(room) + jpeg[2:]
    raise AssertionError("no quality makes the image small enough")


@cache
def _image(kind: int) -> Image.Image:
    """Return an image that mixes noise and smooth areas."""
    chance = random.Random(kind)
    noise = Image.frombytes("RGB", (SIZE, SIZE), chance.randbytes(SIZE * SIZE * 3))
    smooth = (
        noise.filter(ImageFilter.GaussianBlur(6))
        .resize((SIZE * 2, SIZE * 2))
        .crop((0, 0, SIZE, SIZE))
    )
    return Image.blend(smooth, noise, 0.15)


class _Prepared(Image.Image):
    """Stand-in for an image whose encoding returns prepared bytes."""

    def __init__(self, jpeg: bytes) -> None:
        super().__init__()
        self._jpeg = jpeg

    def save(self, fp: Any, *args: Any, **options: Any) -> None:
        fp.write(self._jpeg)


def _nothing() -> None:
    return None


@dataclass
class FrameSource:
    r"""Replacement for the KSampler that sends `count` frames, each after `interval` seconds.

    The stand-in's thread calls `begin` before the frames and `end` after them. `sent` maps each
    frame's number to the time when it left (`time.time`). `lead` is the pause before the first
    frame, so that watchers can arrive.
    """

    count: int
    interval: float
    lead: float = 0.0
    begin: Callable[[], None] = _nothing
    end: Callable[[], None] = _nothing
    sent: dict[int, float] = field(default_factory=dict)

    def serve(self) -> DemoServer:
        """Return a stand-in with this sampler."""
        nodes = {**NODES, "KSampler": replace(NODES["KSampler"], run=self.sample)}
        return DemoServer(step_seconds=0.0, nodes=nodes)

    def sample(self, run: NodeRun, inputs: Inputs) -> NodeResult:
        """Run the node: send the frames, then return an empty image."""
        images = [_Prepared(numbered(number)) for number in range(1, self.count + 1)]
        run.wait(self.lead)
        self.begin()
        start = time.monotonic()
        for number, image in enumerate(images, 1):
            run.wait(max(0.0, start + number * self.interval - time.monotonic()))
            self.sent[number] = time.time()
            run.step(number, self.count, lambda shown=image: shown)  # type: ignore[misc]
        self.end()
        latent: Latent = inputs["latent_image"]
        canvas = Image.new("RGB", (latent.width, latent.height), "gray")
        return NodeResult(
            (Latent(latent.width, latent.height, (canvas,) * len(latent.images), latent.mask, 0.0),)
        )


__all__ = ["BITS", "BYTES", "FrameSource", "numbered"]
