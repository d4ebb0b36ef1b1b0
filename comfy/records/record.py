"""What is asked for, and what is remembered of it: values, without any of the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import GetPydanticSchema

from comfy.base.messages import KeptText
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.prompt.model import InputRef, Prompt

# A node may have keys that are not ours: what reads a record keeps them.
_AnyNodes = GetPydanticSchema(lambda _, read: read(dict[str, dict[str, Any]]))


@dataclass(frozen=True, slots=True)
class ServerFile:
    """A file among the results at a server: the server's address without a login, and how an input
    names it there, `subfolder/name [output]`."""

    server: str
    value: str


@dataclass(frozen=True, slots=True)
class KeptInput:
    """A file that a person gave as an input, of which a copy is kept here: its name and the SHA-256
    of its bytes.

    `targets`: the inputs of the prompt that get the name which the file has on the server. `below`:
    the SHA-256 of the image that it was painted over, where a copy of that is kept, too; else "".
    `result`: the server that has made it, and may have it still. `folder`: where it is uploaded to
    for all runs of its group; "" where that is done for this run alone. `made_by`: the id of the
    run whose result it is, where whoever gave it has named that; else "".
    """

    name: str
    digest: str
    targets: tuple[InputRef, ...] = ()
    below: str = ""
    result: ServerFile | None = None
    folder: str = ""
    made_by: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run. `workflow` is its name, `title` what people call it. `outputs`: the nodes
    whose outputs count, None = all; `values`: by field key, for show, as the seed; `inputs`: the
    files among them; `titles`: what people call the nodes, by node id. `shortened`: it came to
    nothing, and its long texts are not kept: it can't be run again."""

    prompt: Annotated[Prompt, _AnyNodes]
    workflow: str
    outputs: frozenset[str] | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    title: KeptText = ""
    inputs: Mapping[str, KeptInput] = field(default_factory=dict)
    titles: Mapping[str, KeptText] = field(default_factory=dict)
    shortened: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One run as it is remembered, finished or not. `id` is the run's own; the server's is in
    `state`.

    `sent`: it was handed to the server, or may have been. `keeps_going`: it does not end because
    nobody watches. `server`: the address of the server that was chosen for it, without a login, ""
    until then. `group`: the id that runs of one batch share, "" for none; `parents`: the ids of
    the runs that it was made from. `favourite`: its owner has marked it, as far as the history was
    asked. `address`: where an owner without a login was, "" for others and for a record that was
    read.
    """

    id: str
    owner: str
    job: Job
    submitted_at: float
    state: RunState
    sent: bool = False
    keeps_going: bool = False
    server: str = ""
    group: str = ""
    parents: tuple[str, ...] = ()
    favourite: bool = False
    address: str = ""

    @property
    def was_taken_out(self) -> bool:
        """Its owner stopped it before it had begun, and the server has no files of it."""
        state = self.state
        by_owner = state.phase is Phase.STOPPED and state.error is None
        has_begun = state.started_at is not None or bool(state.files or state.texts)
        return by_owner and not has_begun and not (self.sent and self.job.inputs)
