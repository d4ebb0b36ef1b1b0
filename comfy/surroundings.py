"""What all runs of one registry share."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from comfy.client import Client
from comfy.events import Skipped
from comfy.line import Line
from comfy.timing import Timing

if TYPE_CHECKING:
    from comfy.history import History

__all__ = ["Surroundings"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The server, how patient to be with it, and who goes next. Without a ``history`` nothing outlives the program.
    ``landmarks``: prompts that ended; a server that still knows one of them was not restarted since."""

    client: Client
    timing: Timing
    line: Line
    history: History | None = None
    skipped: Skipped = field(default_factory=Skipped)
    landmarks: deque[str] = field(default_factory=lambda: deque(maxlen=3))
