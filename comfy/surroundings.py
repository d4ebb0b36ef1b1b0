"""What all runs of one registry share."""

from __future__ import annotations

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
    """The server, how patient to be with it, and who goes next. Without a ``history`` nothing outlives the program."""

    client: Client
    timing: Timing
    line: Line
    history: History | None = None
    skipped: Skipped = field(default_factory=Skipped)
