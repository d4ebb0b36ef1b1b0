"""comfy_runner's calls, built on the API's services: node values are values of the workflow's form,
and runs start like any other run.

The file of `--comfy-runner` is comfy_runner's config.toml, and may name a text service in it.
Other entries that comfy_runner reads (ComfyUI's address, its own ports) are settings of the app.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from comfy.base.errors import ComfyError, ManyProblems, ServerError, ShuttingDown
from comfy.base.json_values import as_mapping, as_number
from comfy.base.messages import listed, sentences
from comfy.base.wording import quoted, short
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.view import ServerFiles
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.conventions.node_mappings import OUTPUT, TEXT_INPUTS
from comfy.form.model import Field, Form
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload
from comfy.library.folder import WorkflowFolder
from comfy.prompt.model import InputRef, is_link
from comfy.records.record import Record
from comfy.runs.input_files import UPLOADS
from comfy.runs.interface import Run
from comfy.workflow.config import (
    SettingReaders,
    filled_text,
    load_toml,
    must_be,
    readable_settings,
)
from comfy.workflow.node_mappings import parse_mappings
from comfyforms.plugins.comfy_runner.service import TextService, WrittenPrompts
from comfyforms.plugins.comfy_runner.store import VALUE_BYTES, RunnerValueStore, ValuesTooLarge
from ui.api.problems import NotThere
from ui.api.requests import Requester
from ui.api.start import RunStart
from ui.api.values import Sent, form_for
from ui.documents.headlines import HEADLINES
from ui.documents.run_doc import has_field_errors
from ui.files.presenter import RunEnds
from ui.web.limits import too_large

_PROMPT_NODE, _NEGATIVE_NODE = "ollama_node", "negative_prompt"  # names of nodes
_OLLAMA_URL = "http://127.0.0.1:11434"  # default address
_SECONDS, _MOST_SECONDS = 120.0, 3600.0  # without an answer
Values = Mapping[str, object]  # by field key
_MOST_NAMED = 20
_NO_WORKFLOW = "The request names no workflow."
_NAME_ONE = "Send ?workflow=NAME, or set a workflow under [comfy] in config.toml."
_NO_PROMPT_NODE = "config.toml names no node for the prompt."
_NAME_NODE = "Set ollama_prompt_node_id under [comfy], or ollama_node of the workflow."
_VALUE, _INPUT = "value", "input"  # keys of a stored value


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """Content of the file. `workflow`: the path of the default workflow without ".json", empty for
    none. `prompt_node`: the workflow's node that gets the prompt written for a description."""

    workflow: str = ""
    prompt_node: str = ""
    text_service: TextService | None = None
    tables: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def workflow_names(self) -> Sequence[str]:
        """Return the workflow's possible names, longest first, because the workflow folder may be
        any folder on its path."""
        parts = PurePosixPath(self.workflow).parts
        return ["/".join(parts[at:]) for at in range(len(parts))]

    def names(self, workflow: str) -> Mapping[str, str]:
        """Return a workflow's nodes, or single inputs of nodes, by the names in the file."""
        return dict(parse_mappings(PurePosixPath(workflow).name, self.tables).nodes)

    def prompt_nodes(self, workflow: str) -> tuple[str, str]:
        """Return the nodes for the prompt and the negative prompt in this workflow; empty if the
        file names no node."""
        names = self.names(workflow)
        own = self.prompt_node if workflow in self.workflow_names else ""
        return names.get(_PROMPT_NODE, own), names.get(_NEGATIVE_NODE, "")


def _as_node(value: object) -> str | None:
    """Return a node's id, which is a number or a text; None for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _as_seconds(value: object) -> float | None:
    number = as_number(value)
    return float(number) if number is not None and 0 < number <= _MOST_SECONDS else None


_COMFY: SettingReaders = {
    "workflow": (filled_text, "a string"),
    "ollama_prompt_node_id": (_as_node, "a string"),
}
_OLLAMA: SettingReaders = {
    "url": (filled_text, "a string"),
    "model": (filled_text, "a string"),
    "timeout": (_as_seconds, f"a number of seconds, at most {_MOST_SECONDS:g}"),
}


def read_runner_config(path: Path) -> RunnerConfig:
    """Read the file. Raises ManyProblems if it is unreadable or unusable."""
    tables, why = load_toml(path)
    problems = [why] if why else []
    for name in ("comfy", "node_mappings", "ollama"):
        if not isinstance(tables.get(name, {}), dict):
            problems.append(must_be(path.name, name, "a table"))

    def settings(name: str, known: SettingReaders, said: Mapping[str, Any]) -> dict[str, Any]:
        return readable_settings(said, known, f"{path.name} [{name}]", problems)

    comfy = as_mapping(tables.get("comfy"))
    here = settings("comfy", _COMFY, {key: comfy[key] for key in _COMFY.keys() & comfy.keys()})
    options = settings("ollama", _OLLAMA, as_mapping(tables.get("ollama")))
    service = None
    if "ollama" in tables:
        service = _text_service(options, f"{path.name} [ollama]", problems)
    if problems:
        raise ManyProblems(f"--comfy-runner: {one}" for one in dict.fromkeys(problems))
    workflow = here.get("workflow", "").replace("\\", "/").removesuffix(".json")
    return RunnerConfig(workflow, here.get("ollama_prompt_node_id", ""), service, tables)


def _text_service(asked: Mapping[str, Any], place: str, problems: list[str]) -> TextService | None:
    if "model" not in asked:
        problems.append(must_be(place, "model", "a string"))
        return None
    try:
        address = ServerAddress.parse(asked.get("url", _OLLAMA_URL))
    except ComfyError as problem:
        problems.append(f"{place}: {problem} {problem.hint}")
        return None
    return TextService(address, asked["model"], asked.get("timeout", _SECONDS))


@dataclass(frozen=True, slots=True)
class InputFile:
    """File in ComfyUI's input folder, read again for each run."""

    name: str

    def __str__(self) -> str:
        return self.name


class QueuedRun:
    """A user's `GET /queue` call, and its run once it has started."""

    def __init__(self, person: str) -> None:
        self.person = person
        self.run: Run | None = None
        self._is_stopped = False

    @property
    def is_over(self) -> bool:
        """Return whether the call's run has ended."""
        return self.run is not None and self.run.state.phase.finished

    def begun(self, run: Run) -> None:
        """Set the started run, and cancel it if a stop was requested before."""
        self.run = run
        if self._is_stopped:
            run.cancel()

    def stop(self) -> None:
        """Stop the call's run, even while it is being started."""
        self._is_stopped = True
        if self.run is not None:
            self.run.cancel()


class KeptValues:
    """Values that callers have set. `person` identifies a caller as limits do, `workflow` is its
    name in the folder. Methods block, and raise ComfyError if the values can't be read or
    stored."""

    def __init__(self, stored: RunnerValueStore) -> None:
        self._stored = stored

    def of(self, person: str, workflow: str) -> Values:
        stored = self._stored.of(person, workflow)
        return {
            key: InputFile(one[_INPUT]) if _INPUT in one else one[_VALUE]
            for key, one in stored.items()
        }

    def put(self, person: str, workflow: str, values: Values) -> None:
        """Add these values. Raises ComfyError if they exceed the limit."""
        added = {
            key: {_INPUT: one.name} if isinstance(one, InputFile) else {_VALUE: one}
            for key, one in values.items()
        }
        try:
            self._stored.change(person, workflow, lambda before: {**before, **added})
        except ValuesTooLarge as error:
            raise ComfyError(too_large(VALUE_BYTES)) from error

    def forget(self, person: str, workflow: str, keys: Collection[str]) -> None:
        self._stored.change(
            person,
            workflow,
            lambda before: {key: one for key, one in before.items() if key not in keys},
        )


class QueuedRuns:
    """The runs that callers started in this process. For the event loop's thread only."""

    def __init__(self) -> None:
        self._queued: list[QueuedRun] = []

    @contextmanager
    def queue(self, person: str) -> Iterator[QueuedRun]:
        """Yield a call, and remember it until its run has ended. A call without a run at the end of
        the block is forgotten."""
        queued = QueuedRun(person)
        self._queued = [*(one for one in self._queued if not one.is_over), queued]
        try:
            yield queued
        finally:
            if queued.run is None:
                self._queued.remove(queued)

    def stop(self, person: str) -> None:
        """Stop only this caller's queued runs."""
        for queued in self._queued:
            if queued.person == person:
                queued.stop()


@dataclass(frozen=True, slots=True)
class NamedNodes:
    """The nodes of a form. `names`: nodes or single inputs ("3.steps") by their names in a
    config.toml."""

    form: Form
    names: Mapping[str, str]

    def text_field(self, node_id: object) -> Field:
        """Return the field of a node's text, for the input that comfy_runner would set. Raises
        NotThere if there isn't one."""
        fields = {ref: item for ref, item in self._fields() if not item.is_media}
        with_text = {ref.node: None for ref in fields if ref.input in TEXT_INPUTS}
        fit = self._nodes_that_fit(with_text)
        node, own = self._place(node_id, fit)
        wanted = (own,) if own else TEXT_INPUTS
        there = (InputRef(node, name) for name in wanted)
        if field := next((fields[ref] for ref in there if ref in fields), None):
            return field
        given = self.form.prompt[node]["inputs"]
        sources = [str(item[0]) for name in wanted if is_link(item := given.get(name))]
        if source := next((item for item in sources if item in with_text), None):
            raise NotThere(
                f"The text of node “{short(node)}” comes from another node.",
                f"Update node “{short(source)}”.",
            )
        raise NotThere(f"Node “{short(node)}” has no text to update.", fit)

    def file_field(self, node_id: object) -> Field:
        """Return the field of a node's image or other file. Raises NotThere if there isn't one."""
        files = {ref: one for ref, one in self._fields() if one.is_media}
        fit = self._nodes_that_fit(dict.fromkeys(ref.node for ref in files))
        node, own = self._place(node_id, fit)
        for ref, item in files.items():
            if ref.node == node and own in ("", ref.input):
                return item
        raise NotThere(f"Node “{short(node)}” has no file to update.", fit)

    def _place(self, node_id: object, fit: str) -> tuple[str, str]:
        """Return the node with this id or name, and the input if one is named. `fit`: alternatives
        for the error message."""
        name, prompt = str(node_id), self.form.prompt
        target = name if name in prompt else self.names.get(name, name)
        node, _, own = (target, "", "") if target in prompt else target.partition(".")
        if node not in prompt:
            raise NotThere(f"This workflow has no node “{short(name)}”.", fit)
        return node, own

    def _fields(self) -> Iterator[tuple[InputRef, Field]]:
        return ((ref, field) for field in self.form.fields for ref in field.targets)

    def _nodes_that_fit(self, nodes: Collection[str]) -> str:
        """Return alternatives for an unknown node: names in the config, then ids. Empty without
        any."""
        names = [name for name, place in self.names.items() if place.partition(".")[0] in nodes]
        alternatives = listed(quoted(one) for one in islice((*names, *nodes), _MOST_NAMED))
        return f"Nodes that can be updated: {alternatives}." if nodes else ""


class NoResult(ComfyError):
    """Error for a run that ended without a result."""


@dataclass(frozen=True, slots=True)
class PromptFields:
    """Keys of the fields for a prompt and a negative prompt (empty: none)."""

    positive: str
    negative: str

    def values(self, written: WrittenPrompts) -> Values:
        both = {
            self.positive: written.positive_prompt,
            self.negative: written.negative_prompt,
        }
        return {key: text for key, text in both.items() if key}


@dataclass(frozen=True, slots=True)
class Runner:
    """Implementation of the calls. Each call passes its caller. Most methods block on disks and
    servers."""

    config: RunnerConfig
    folder: WorkflowFolder
    run_start: RunStart
    ends: RunEnds
    server_files: ServerFiles
    largest_file: int

    def workflow(self, named: str) -> str:
        """Return the workflow for a call. Raises NotThere if neither the call nor the config names
        one."""
        if named:
            return named
        known, names = self.folder.stamps(), self.config.workflow_names
        if candidates := [name for name in names if name in known] or names[-1:]:
            return candidates[0]
        raise NotThere(_NO_WORKFLOW, _NAME_ONE)

    def text(
        self, workflow: str, owner: str, kept: Values, node_id: object, text: object
    ) -> Values:
        """Return the values to set for this node's text. Raises NotThere or FieldErrors, otherwise
        like `Forms.form`."""
        form, nodes = self._nodes(workflow, owner, kept)
        field = nodes.text_field(node_id)
        self._check(form, {field.key: text}, owner)
        return {field.key: text}

    def image(
        self, workflow: str, owner: str, kept: Values, node_id: object, file: object
    ) -> Values:
        """Return the values to set for this node's image. Raises like `text`."""
        form, nodes = self._nodes(workflow, owner, kept)
        field = nodes.file_field(node_id)
        value: object = self.run_start.reader.of(owner).value(field, file)
        match value:
            case str(name) if name != field.default and self._may_be_read(name, owner):
                with tempfile.TemporaryDirectory() as folder:
                    copy = self._fetched(name, Path(folder) / "0")
                    self._check(form, {field.key: copy}, owner)
                return {field.key: InputFile(name)}
        self._check(form, {field.key: value}, owner)
        return {field.key: file}

    def prompt_fields(self, workflow: str, owner: str, kept: Values) -> PromptFields:
        """Return the fields for written prompts. Raises like `text`."""
        _, nodes = self._nodes(workflow, owner, kept)
        positive, negative = self.config.prompt_nodes(workflow)
        if not positive:
            raise NotThere(_NO_PROMPT_NODE, _NAME_NODE)
        return PromptFields(
            nodes.text_field(positive).key, nodes.text_field(negative).key if negative else ""
        )

    def check(self, workflow: str, owner: str, kept: Values, values: Values) -> None:
        """Raise FieldErrors if the form doesn't accept these values."""
        self._check(self._nodes(workflow, owner, kept)[0], values, owner)

    def start(self, workflow: str, kept: Values, requester: Requester) -> str:
        """Start a run with the values set and return its id. Raises like `Starter.start`."""
        with tempfile.TemporaryDirectory() as folder:
            values = {
                key: self._fetched(one.name, Path(folder) / str(at))
                if isinstance(one, InputFile)
                else one
                for at, (key, one) in enumerate(kept.items())
            }
            outcome = self.run_start.begin(workflow, Sent({"values": values}), requester)
        return outcome.ids[0]

    def result(self, run_id: str, owner: str) -> tuple[OutputFile, int]:
        """Return the result of a finished run, and its position among the run's files. Prefers the
        file saved by the node that the config names, then the first image, then the first file.
        Raises NoResult or RunNotFound."""
        record = self.run_start.registry.record(run_id, owner)
        if not record.state.phase.finished:
            raise ShuttingDown
        if record.state.phase is not Phase.DONE:
            raise self._failed(record)
        wanted = self.config.names(record.job.workflow).get(OUTPUT)
        files = record.state.files
        saved = [at for at, file in enumerate(files) if file.type == "output"]
        if not saved:
            raise NoResult(
                "The run is done but saved no file.",
                "Add a node that saves the image to the workflow.",
            )
        best = min(saved, key=lambda at: (files[at].node != wanted, files[at].kind != "image"))
        return files[best], best

    def _failed(self, record: Record) -> NoResult:
        error = record.state.error
        if has_field_errors(record):
            stage = self.ends.of(record).stage
            if of_fields := (*stage.labelled.values(), *stage.remarks):
                return NoResult(sentences(*of_fields))
        reason = error.message if error else HEADLINES[record.state.phase]
        return NoResult(reason, error.hint if error else "")

    def _nodes(self, workflow: str, owner: str, kept: Values) -> tuple[Form, NamedNodes]:
        plain = {key: str(one) if isinstance(one, InputFile) else one for key, one in kept.items()}
        form = form_for(self.run_start.reader.of(owner), workflow, plain)
        return form, NamedNodes(form, self.config.names(workflow))

    def _check(self, form: Form, values: Values, owner: str) -> None:
        _, errors = self.run_start.starter.judged_values(form, values, owner)
        if errors := {key: one for key, one in errors.items() if key in values}:
            raise FieldErrors(form, errors)

    def _may_be_read(self, name: str, owner: str) -> bool:
        """Return whether this caller may name this file in ComfyUI's input folder. Excludes other
        folders, and uploads to this app, which may be another user's."""
        trusts = self.ends.forms.permissions.trusts(owner)
        elsewhere = "\\" in name or name.endswith("]")  # ComfyUI reads "a.png [output]" there
        return trusts and not elsewhere and UPLOADS not in name.casefold().split("/")

    def _fetched(self, name: str, to: Path) -> Upload:
        """Fetch the current version of a file in ComfyUI's input folder. Raises NotThere."""
        folder, _, file = name.rpartition("/")
        source = OutputFile(file, folder, "input", "file", "")
        try:
            self.server_files.copy(source, to, most=self.largest_file)
        except ServerError as error:
            if error.passing:
                raise
            raise NotThere(f"ComfyUI's input folder has no file “{name[:80]}”.") from error
        return Upload(file, to)
