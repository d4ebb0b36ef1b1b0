"""Jobs and records: the request for a run and its result, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import AfterValidator, GetPydanticSchema

from comfy.base.messages import KeptText
from comfy.comfyui.protocol.run_state import Phase, RunState, waiting
from comfy.prompt.model import InputRef, Prompt

SENT_PROMPT = "~prompt"  # stands for the workflow of prompts that programs send; has no form


def _checked_node(node: dict[str, Any]) -> dict[str, Any]:
    """Return a node with all its keys. Raises ValueError if the app can't read it."""
    match node:
        case {"class_type": str(), "inputs": dict()}:
            return node
    raise ValueError("not a node")


_AnyNode = Annotated[dict[str, Any], AfterValidator(_checked_node)]
_AnyNodes = GetPydanticSchema(lambda _, read: read(dict[str, _AnyNode]))


@dataclass(frozen=True, slots=True)
class ServerFile:
    """A result file on a server: the server's address without credentials, and the file's name for
    an input there, `subfolder/name [output]`."""

    server: str
    value: str


@dataclass(frozen=True, slots=True)
class KeptInput:
    """A file that a user gave as an input, and its stored copy: its name and the SHA-256 of its
    bytes.

    `targets`: the prompt's inputs that get the file's name on the server. `below`: the SHA-256 of
    the stored image under the user's paint, or "". `result`: the server that made the file and may
    still have it. `folder`: the upload folder shared by all runs of a group; "" for an upload of
    this run alone. `made_by`: the id of the run whose result it is, if the user named it, or "".
    `as_base64`: the targets get the content as text instead of a name.
    """

    name: str
    digest: str
    targets: tuple[InputRef, ...] = ()
    below: str = ""
    result: ServerFile | None = None
    folder: str = ""
    made_by: str = ""
    as_base64: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Request for a run.

    `workflow`: its name; `title`: its title on the page. `outputs`: the nodes whose outputs count,
    None for all; `output_names`: their names by node id, in the form's order. `values`: by field
    key, for display, including the seed; `inputs`: the files among them; `prompt_key`: the key of
    the main prompt among them, or "". `titles`: display titles by node id. `shortened`: long texts
    of a run without a result weren't stored, so it can't be repeated. `paid`: it uses paid credits.
    `extra_data`: what a program sent with its prompt.
    """

    prompt: Annotated[Prompt, _AnyNodes]
    workflow: str
    outputs: frozenset[str] | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    title: KeptText = ""
    inputs: Mapping[str, KeptInput] = field(default_factory=dict)
    titles: Mapping[str, KeptText] = field(default_factory=dict)
    shortened: bool = False
    output_names: Mapping[str, KeptText] = field(default_factory=dict)
    paid: bool = False
    extra_data: Mapping[str, Any] = field(default_factory=dict)
    prompt_key: str = ""

    @property
    def written_text(self) -> str:
        """Return the text of the main prompt; empty without one."""
        text = self.values.get(self.prompt_key)
        return text if isinstance(text, str) else ""


@dataclass(frozen=True, slots=True)
class Record:
    """The stored state of a run, finished or not. `id` is the app's id; the server's id is in
    `state`.

    `sent`: the prompt was sent to the server, or may have been. `keeps_going`: the run continues
    without watchers. `server`: the address of its server without credentials, "" before one was
    chosen. `group`: the id shared by the runs of a batch, or "". `parents`: the ids of the runs
    that it was made from. `favourite`: its owner marked it; only set in records from the history.
    `address`: the address of an owner without an account; "" for others and for a record from the
    database.
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
    def as_waiting(self) -> Record:
        """Return the record in its first state, with its current id at the server."""
        job = self.job
        state = waiting(self.state.prompt_id, job.prompt, job.outputs, job.titles)
        return replace(self, state=state)

    @property
    def was_taken_out(self) -> bool:
        """Return whether the owner stopped the run before it started, and the server has no files
        of it."""
        state = self.state
        by_owner = state.phase is Phase.STOPPED and state.error is None
        has_begun = state.started_at is not None or bool(state.files or state.texts)
        return by_owner and not has_begun and not (self.sent and self.job.inputs)
