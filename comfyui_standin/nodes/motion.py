"""Moving views of one image, or fades from one to another: the frames of the videos of a demo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from math import cos, pi, tau
from typing import overload

from PIL import Image, ImageOps

_SWING = 0.06  # of the shorter side


class Pan(Sequence[Image.Image]):
    """Frames of a moving view of one image, cropped from it as they are read. With another image,
    it fades into that one. `still`: the image that all frames show a part of; `size`: of a
    frame, of even numbers; `edge`: by how much the still is larger."""

    def __init__(self, image: Image.Image, count: int, last: Image.Image | None = None) -> None:
        self.size = max(2, image.width // 2 * 2), max(2, image.height // 2 * 2)
        self.image, self.last = image, last and ImageOps.fit(last, self.size)
        self.margin = 0 if last else max(2, round(min(image.size) * _SWING / 2) * 2)
        self.edge = (self.size[0], 0) if last else (2 * self.margin, 2 * self.margin)
        self._count = count

    @cached_property
    def still(self) -> Image.Image:
        """Return the image with a margin around each frame's size, or beside the last one."""
        if self.last:
            still = Image.new(self.image.mode, (2 * self.size[0], self.size[1]))
            still.paste(self.image)
            still.paste(self.last, (self.size[0], 0))
            return still
        width, height = (side + 2 * self.margin for side in self.size)
        return self.image.resize((width, height), Image.Resampling.BICUBIC)

    def each(self, change: Callable[[Image.Image], Image.Image]) -> Pan:
        """Return the same view of changed images."""
        return Pan(change(self.image), self._count, self.last and change(self.last))

    def offset(self, number: int) -> tuple[int, int]:
        """Return a frame's place in the still. The first one is in its corner, since decoders
        don't crop the left side to the pixel."""
        turn = tau * number / self._count
        return round(self.margin * (1 - cos(turn))), round(self.margin * (1 - cos(2 * turn)) / 3)

    def share(self, number: int) -> int:
        """Return how much of the last image a frame shows, of 64. Its info may have a number of
        beats: it comes and goes."""
        beats = self.last.info.get("beats", 1) if self.last else 1
        return round(32 * (1 - cos(beats * pi * number / max(1, self._count - 1))))

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> Image.Image: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Image.Image]: ...
    def __getitem__(self, number: int | slice) -> Image.Image | Sequence[Image.Image]:
        if isinstance(number, slice):
            return Pan(self.image, max(1, len(range(self._count)[number])), self.last)
        if not -self._count <= number < self._count:
            raise IndexError(number)
        left, top = self.offset(number % self._count)
        width, height = self.size
        frame = self.still.crop((left, top, left + width, top + height))
        if self.last is None:
            return frame
        last = self.still.crop((width, 0, 2 * width, height))
        return Image.blend(frame, last, self.share(number % self._count) / 64)
