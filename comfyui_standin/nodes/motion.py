"""Moving views of one image: the frames of the videos that a demo makes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import cos, tau
from typing import overload

from PIL import Image

_SWING = 0.06  # of the shorter side


class Pan(Sequence[Image.Image]):
    """Frames of a moving view of one image, cropped from it as they are read. `still`: the image
    that all frames show a part of; `size`: of a frame, of even numbers."""

    def __init__(self, image: Image.Image, count: int) -> None:
        self.size = max(2, image.width // 2 * 2), max(2, image.height // 2 * 2)
        self.image = image
        self.margin = max(2, round(min(image.size) * _SWING / 2) * 2)
        self._count = count

    @cached_property
    def still(self) -> Image.Image:
        """Return the image with a margin around each frame's size."""
        width, height = (side + 2 * self.margin for side in self.size)
        return self.image.resize((width, height), Image.Resampling.BICUBIC)

    def offset(self, number: int) -> tuple[int, int]:
        """Return a frame's place in the still. The first one is in its corner, since decoders
        don't crop the left side to the pixel."""
        turn = tau * number / self._count
        return round(self.margin * (1 - cos(turn))), round(self.margin * (1 - cos(2 * turn)) / 3)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> Image.Image: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Image.Image]: ...
    def __getitem__(self, number: int | slice) -> Image.Image | Sequence[Image.Image]:
        if isinstance(number, slice):
            return Pan(self.image, max(1, len(range(self._count)[number])))
        if not -self._count <= number < self._count:
            raise IndexError(number)
        left, top = self.offset(number % self._count)
        return self.still.crop((left, top, left + self.size[0], top + self.size[1]))
