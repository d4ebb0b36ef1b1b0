"""What is asked for, and what is remembered of it: values, without any of the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from comfy.run_state import RunState
from comfy.workflow import Prompt

__all__ = ["Job", "KeptInput", "Record"]


@dataclass(frozen=True, slots=True)
class KeptInput:
    """A file that a person gave as an input, of which a copy is kept here: its name and the SHA-256 of its bytes."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run. ``workflow`` is its name, ``title`` what people call it. ``outputs``: the nodes whose outputs
    count, None = all; ``values``: by field key, for show, as the seed; ``inputs``: the files among them."""

    prompt: Prompt
    workflow: str
    outputs: frozenset[str] | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    title: str = ""
    inputs: Mapping[str, KeptInput] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """One run as it is remembered, finished or not. ``id`` is the run's own; the server's is in ``state``.

    ``sent``: it was handed to the server, or may have been. ``keeps_going``: it does not end because nobody watches.
    """

    id: str
    owner: str
    job: Job
    submitted_at: float
    state: RunState
    sent: bool = False
    keeps_going: bool = False
