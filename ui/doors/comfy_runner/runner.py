"""comfy_runner's calls, built on the API's services. Node values are values of the workflow's form,
and runs start like any other run."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from comfy.base.errors import ComfyError, ServerError
from comfy.base.messages import sentences
from comfy.comfyui.client.server_files import ServerFiles
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.conventions.comfy_runner import OUTPUT
from comfy.form.model import Form
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload
from comfy.library.folder import WorkflowFolder
from comfy.records.record import Record
from comfy.runs.input_files import UPLOADS
from ui.api.problems import NotThere
from ui.api.requests import Requester
from ui.api.start import RunStart
from ui.api.values import Sent, form_for
from ui.documents.headlines import HEADLINES
from ui.documents.run_doc import has_field_errors
from ui.doors.comfy_runner.config import RunnerConfig
from ui.doors.comfy_runner.kept_values import InputFile, Values
from ui.doors.comfy_runner.named_nodes import NamedNodes
from ui.doors.comfy_runner.text_service import WrittenPrompts
from ui.files.presenter import RunEnds

_NO_WORKFLOW = "The request names no workflow."
_NAME_ONE = "Send ?workflow=NAME, or set a workflow under [comfy] in config.toml."
_NO_PROMPT_NODE = "config.toml names no node for the prompt."
_NAME_NODE = "Set ollama_prompt_node_id under [comfy], or ollama_node of the workflow."


class NoResult(ComfyError):
    """Error for a run that ended without a result."""


@dataclass(frozen=True, slots=True)
class PromptFields:
    """Keys of the fields for a prompt and a negative prompt (empty: none)."""

    positive: str
    negative: str

    def values(self, written: WrittenPrompts) -> Values:
        """Return the prompts as values of these fields."""
        both = {self.positive: written.positive, self.negative: written.negative}
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
