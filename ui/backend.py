"""What every page and route works with, handed to them as one value."""

from __future__ import annotations

import hashlib
import logging
import random
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from comfy.client import Client
from comfy.decoding import Turns
from comfy.errors import ComfyError, RunNotFound, WorkflowError
from comfy.file_names import plain_name
from comfy.folder import WorkflowFolder
from comfy.form import Field, Form, build_form, check, fill
from comfy.from_graph import on_server
from comfy.job import Job, KeptInput, Record
from comfy.media_kinds import MIB
from comfy.object_info import Catalogue
from comfy.opened import MARK as OPENED_MARK
from comfy.opened import OpenedWorkflows
from comfy.run import Run
from comfy.run_state import OutputFile
from comfy.runs import Runs
from comfy.sanitize import fixed_inputs, for_operators, for_strangers, named_files, written_names
from comfy.svg import MOST_BYTES, is_plain_drawing
from comfy.workflow import Prompt, Workflow, open_workflow
from ui.catalogue import UPLOADS, LiveCatalogue
from ui.field_files import FieldFiles
from ui.limits import WebLimits
from ui.media import Refused, Upload
from ui.permissions import Permissions
from ui.upload_folder import UploadFolder

log = logging.getLogger(__name__)

DRAWING = (".svg", ".svgz")
MOST_INPUTS = 10_000  # two or three seconds' work; the largest workflow seen has 2,000


class FieldErrors(ComfyError):
    """Values the form refuses; `errors` holds one sentence a field, by its key."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("Some fields need another look.", "They are marked below.")
        self.errors = dict(errors)


@dataclass(frozen=True)
class Backend:
    """The server, the runs on it and the workflows on offer.

    `demo`: the server is the stand-in. `files`: a folder of this app's own for what a page shows from the server.
    `permissions`: who may bring workflows. `limits`: what strangers may push. `secret`: what nobody can guess, as
    `ui.secret` keeps it.
    """

    client: Client
    runs: Runs
    folder: WorkflowFolder
    catalogue: LiveCatalogue
    demo: bool
    files: Path
    permissions: Permissions = field(default_factory=Permissions)
    limits: WebLimits = field(default_factory=WebLimits)
    opened: OpenedWorkflows = field(default_factory=OpenedWorkflows)
    rng: random.Random = field(default_factory=random.SystemRandom)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def form(
        self, name: str, owner: str, values: Mapping[str, object] | None = None, *, at_hand: bool = False
    ) -> tuple[Workflow, Form]:
        """The workflow that goes by `name` for this person, and its form with the fields that these values bring.

        `at_hand`: by what is known of the server's nodes, without asking it.
        Raises WorkflowError, ServerUnreachable.
        """
        found = self._brought(owner, name) if name.startswith(OPENED_MARK) else self.folder.get(name)
        catalogue = self.catalogue.at_hand() if at_hand else self.catalogue.get()
        workflow = on_server(found, catalogue)
        if sum(len(node["inputs"]) for node in workflow.prompt.values()) > MOST_INPUTS:
            raise WorkflowError("This workflow has more inputs than a form can show.", "Open a smaller one.")
        workflow = self._harmless(workflow, catalogue, owner)
        return workflow, _without_fixed(build_form(workflow, catalogue, values))

    def _brought(self, owner: str, name: str) -> Workflow:
        self.permissions.check_open(owner)
        return self.opened.get(owner, name)

    def _harmless(self, workflow: Workflow, catalogue: Catalogue, owner: str) -> Workflow:
        """The workflow as this person may use it."""
        if workflow.name.startswith(OPENED_MARK):
            self.permissions.check_nodes(workflow.prompt)
            if not self.permissions.trusts(owner):
                return for_strangers(workflow, catalogue, UPLOADS)
        return for_operators(workflow, catalogue, UPLOADS)

    def open(self, owner: str, file: str, data: bytes, *, address: str = "") -> Workflow:
        """Open a file for this person alone; the answer's name is what it goes by. WorkflowError says why not.

        `address`: as of `Runs`."""
        self.permissions.check_open(owner)
        return self.opened.put(owner, open_workflow(file, data), file, data, address=address)

    def keep(self, owner: str, name: str) -> str:
        """Put an opened workflow into the folder, for everybody; the name it has there. WorkflowError.

        What is in the folder counts as the operator's. So a file of somebody who is not trusted may name no file there.
        """
        self.permissions.check_keep(owner)
        if not self.permissions.trusts(owner):
            catalogue = self.catalogue.get()
            workflow = on_server(self._brought(owner, name), catalogue)
            known = all(node["class_type"] in catalogue for node in workflow.prompt.values())
            if not known or self._harmless(workflow, catalogue, owner) != workflow:
                raise WorkflowError(
                    "This workflow names files of the server, or nodes that it does not have.",
                    "Choose no files in ComfyUI and save it again, or ask whoever runs this app to add it.",
                )
        return self.folder.add(*self.opened.file(owner, name))

    def start(
        self,
        name: str,
        values: Mapping[str, object],
        owner: str,
        *,
        address: str = "",
        deadline: float | None = None,
        keeps_going: bool = False,
    ) -> Run:
        """Check the values, send the files among them, and start a run.

        Fields left out keep the author's value, seeds left out are drawn. A media field's value is an `Upload`, the
        author's own file (the field's default) or None. `deadline` is for callers that may vanish: seconds after which
        the run ends by itself; without one a page has to attach, unless the run `keeps_going`. `address`: as of `Runs`.
        Raises FieldErrors, UploadRejected, WorkflowError, ServerUnreachable.
        """
        self.runs.check_room(owner, address)  # before any work is done for it
        workflow, form = self.form(name, owner, values)
        seeds = (item.key for item in form.fields if item.widget == "seed" and item.group != "hidden")
        values = dict.fromkeys(seeds) | dict(values)
        uploads = {key: value for key, value in values.items() if isinstance(value, Upload)}
        named = {key: str(value) if isinstance(value, Upload | Refused) else value for key, value in values.items()}
        cleaned, errors = check(form, named)
        errors |= _foreign_files(form, cleaned, uploads) | self._refused(form, values) | _fixed(form, values)
        if errors:
            raise FieldErrors(errors)
        with self._kept(uploads) as inputs:
            sent = self._send(uploads)
            prompt, used = fill(workflow, form, cleaned | sent, self.rng)
            self._check_files(prompt, form, name, owner, sent.values())
            outputs = frozenset(output.node for output in form.outputs) or None
            job = Job(prompt, name, outputs, used, form.title, inputs)
            return self.runs.submit(
                job,
                owner=owner,
                address=address,
                deadline=deadline,
                watched=deadline is None,
                keeps_going=keeps_going,
            )

    def again(self, run_id: str, owner: str, *, address: str = "", keeps_going: bool = False) -> Run:
        """Submit the job of an earlier run once more, its values and seed included.

        Raises RunNotFound, UploadRejected, WorkflowError, ServerUnreachable.
        """
        job = self.runs.record(run_id, owner).job
        form = self._check_again(job, owner)
        given = {key: (kept, self._path(kept.digest)) for key, kept in job.inputs.items()}
        uploads = {key: Upload(kept.name, path) for key, (kept, path) in given.items() if path}
        if form is not None and (errors := self._refused(form, uploads)):
            raise WorkflowError(" ".join(errors.values()), "Open the form, and give another file.")
        with self._kept(uploads):
            for key, upload in uploads.items():
                # Where its prompt says: the server may have been emptied. The same bytes are taken once.
                folder, _, file = str(job.values.get(key, "")).rpartition("/")
                if folder:
                    with upload.opened() as data:
                        self.client.upload(data, file, subfolder=folder)
            return self.runs.submit(job, owner=owner, address=address, keeps_going=keeps_going)

    def _check_again(self, job: Job, owner: str) -> Form | None:
        """WorkflowError where this job would not be taken today: other rules, or another workflow, were in force.

        The form of today, or None where the workflow is gone.
        """
        if job.workflow.startswith(OPENED_MARK):
            self.permissions.check_open(owner)
        form = None
        with suppress(WorkflowError):  # it may be gone: then nothing in it is known to be the operator's
            form = self.form(job.workflow, owner, job.values)[1]
        self._check_files(job.prompt, form, job.workflow, owner, [job.values.get(key) for key in job.inputs])
        return form

    def _check_files(self, prompt: Prompt, form: Form | None, name: str, owner: str, own: Collection[object]) -> None:
        """WorkflowError where a prompt names files of the server's that are neither `own` nor the operator's gift, or
        uses classes that it may not; the form adds nodes that load files."""
        brought = name.startswith(OPENED_MARK)
        if brought:
            self.permissions.check_nodes(prompt)
        if brought and self.permissions.trusts(owner):
            return
        catalogue = self.catalogue.get()
        if brought and (unknown := sorted({node["class_type"] for node in prompt.values()} - catalogue.keys())):
            # The server may have got it since, and nothing is known of what it reads.
            raise WorkflowError(f"The server does not have the node “{unknown[0][:80]}”.", "Refresh the lists.")
        named = named_files(prompt, catalogue, own)
        for place in named + (written_names(prompt, catalogue, UPLOADS, own) if brought else []):
            if brought or form is None or not _is_authors(form, place, prompt):
                raise WorkflowError(
                    f"This run would use a file of the server's in “{place[1][:80]}”, which may be somebody else's.",
                    "Open the form, and send the file itself.",
                )

    @contextmanager
    def _kept(self, uploads: Mapping[str, Upload]) -> Iterator[dict[str, KeptInput]]:
        """Copies of these files, kept here: they stay if a run with them is on record at the end of the block, and go
        if it raises."""
        history, holder = self.runs.history, secrets.token_hex(8)
        kept: dict[str, KeptInput] = {}
        if history is None:
            yield kept
            return
        try:
            for key, upload in uploads.items():
                kept[key] = KeptInput(upload.name, history.files.add(upload.chunks(), holder=holder)[0])
            yield kept
        except BaseException:
            history.files.release(holder)
            history.let_go(one.digest for one in kept.values())
            raise
        history.files.release(holder)

    def _path(self, digest: str) -> Path | None:
        return self.runs.history.files.path(digest) if self.runs.history is not None and digest else None

    def _refused(self, form: Form, values: Mapping[str, object]) -> dict[str, str]:
        """A sentence for each file that cannot be taken, by its field's key."""
        errors: dict[str, str] = {}
        room = self.limits.run_files
        for item in form.fields:
            match values.get(item.key):
                case Refused(why):
                    errors[item.key] = f"{item.label} {why}"
                case Upload() if not item.is_media:  # nobody would judge it, and a node may open it all the same
                    errors[item.key] = f"{item.label} takes no file."
                case Upload() as upload:
                    room -= upload.size
                    if why := upload.problem(self.limits.file, item.widget):
                        errors[item.key] = f"{item.label} {why}"
                    elif room < 0:
                        most = f"{self.limits.run_files // MIB} MB"
                        errors[item.key] = f"{item.label} is too much: the files of one run can have {most} in all."
        return errors

    @cached_property
    def uploads(self) -> UploadFolder:
        """What people gave, and what forms show."""
        return UploadFolder(self.files)

    @cached_property
    def _turns(self) -> Turns:
        return self.runs.history.files.turns if self.runs.history is not None else Turns()

    def files_of(self, owner: str, root: str = "") -> FieldFiles:
        """This person's files for the fields of forms. `root`: the path of the app, where they are to be shown."""
        return FieldFiles(self.uploads, self.limits.file, self._turns, owner, root)

    def example(self, item: Field, owner: str) -> str | None:
        """The place of the author's own file of a media field, or None where the server does not have it."""
        if not isinstance(item.default, str) or not item.default or not item.default_offered:
            return None
        folder, _, name = item.default.rpartition("/")
        return self.copy_of(OutputFile(name, folder, "input", "file", item.node), owner)

    def put_back(self, digest: str, name: str, owner: str) -> str | None:
        """The place of a kept file, where a field of the owner's form can show it; None where it is gone."""
        path = self._path(digest)
        try:
            key = self._unguessable(digest.encode())
            return self.uploads.place(self.uploads.copy(owner, path, name, key)) if path else None
        except OSError as problem:  # gone meanwhile, or a disk that is full
            log.info("A kept file cannot be shown in a form: %s", problem)
            return None

    def result(self, record: Record, at: int) -> str | None:
        """The place of a file of a run's results, for its owner's form; None where it is gone."""
        file = record.state.files[at]
        if file.digest:
            return self.put_back(file.digest, file.filename, record.owner)
        try:
            return self.copy_of(file, record.owner) if self.runs.get(record.id, record.owner) else None
        except RunNotFound:  # from an earlier life: another file may go by that name now
            return None

    def copy_of(self, file: OutputFile, owner: str) -> str | None:
        """The place of a file of the server's, fetched once for this person; None where the server no longer has it."""
        try:
            copy = self.uploads.make(owner, file.filename, self._key_of(file))
            if not copy.exists():
                self._fetch(file, copy)
            return self.uploads.place(copy)
        except (ComfyError, OSError) as problem:  # also a disk that is full
            log.info("A result cannot be shown in a form: %s", problem)
            return None

    def _fetch(self, file: OutputFile, copy: Path) -> None:
        part = copy.with_name(f"{secrets.token_hex(4)}.part")
        try:
            with self.client.view(file) as answer, part.open("wb") as kept:
                for chunk in answer.iter_bytes():
                    if kept.tell() + len(chunk) > self.limits.file.size:
                        raise ComfyError("The file is too large to be shown.")
                    kept.write(chunk)
            part.replace(copy)
        finally:
            part.unlink(missing_ok=True)

    def is_shown(self, record: Record, at: int) -> bool:
        """Whether a page may show this picture or video of a run's results: a drawing only where it is a plain one."""
        file = record.state.files[at]
        if not file.filename.lower().endswith(DRAWING):
            return True
        path = self.uploads.find(record.owner, self.result(record, at))
        if path is None:
            return False
        with path.open("rb") as drawing:
            return is_plain_drawing(drawing.read(MOST_BYTES + 1))

    def drop_copies(self, record: Record) -> None:
        """Remove what `put_back` and `copy_of` made of the files of a run that is deleted; not of files that the owner
        has from another run as well."""
        digests = [*(file.digest for file in record.state.files), *(kept.digest for kept in record.job.inputs.values())]
        for digest in filter(None, digests):
            if self._path(digest) is None:
                self.uploads.remove(record.owner, self._unguessable(digest.encode()))
        for file in record.state.files:
            self.uploads.remove(record.owner, self._key_of(file))

    def _key_of(self, file: OutputFile) -> str:
        return self._unguessable(f"{file.type}/{file.subfolder}/{file.filename}".encode(errors="replace"))

    def _unguessable(self, name: bytes) -> str:
        """Part of a place that a browser is told: it says nothing of the file."""
        return hashlib.blake2b(name, key=self.secret, digest_size=16).hexdigest()

    def _send(self, uploads: Mapping[str, Upload]) -> dict[str, object]:
        """Upload files under a folder nobody can guess; their names on the server by field key."""
        folder = f"{UPLOADS}/{secrets.token_hex(8)}"
        values: dict[str, object] = {}
        for key, file in uploads.items():
            with file.opened() as data:
                values[key] = self.client.upload(data, plain_name(file.name), subfolder=folder)
        return values


def _without_fixed(form: Form) -> Form:
    """The form, hiding what only the author sets: names of files, and texts that become names."""
    fixed = fixed_inputs(form.prompt, form.nodes)
    fields = (
        replace(item, group="hidden") if not item.is_media and not fixed.isdisjoint(item.targets) else item
        for item in form.fields
    )
    return replace(form, fields=tuple(fields))


def _is_authors(form: Form, place: tuple[str, str], prompt: Prompt) -> bool:
    """Whether an input of a prompt has the value that the workflow's author gave it."""
    node, name = place
    given = [item.default for item in form.fields if place in item.targets]
    given += [form.prompt[node]["inputs"].get(name)] if node in form.prompt else []
    return prompt[node]["inputs"][name] in given


def _fixed(form: Form, values: Mapping[str, object]) -> dict[str, str]:
    """Values for inputs that are in no form: their author set them, for every caller."""
    return {
        item.key: f"{item.label} is set by the workflow's author, and cannot be changed here."
        for item in form.fields
        if item.group == "hidden" and item.key in values
    }


def _foreign_files(form: Form, values: Mapping[str, object], uploads: Mapping[str, Upload]) -> dict[str, str]:
    """Media fields that name a file on the server which is not the author's: it may be somebody else's."""
    return {
        item.key: f"{item.label}: send the file itself."
        for item in form.fields
        if item.is_media and item.key not in uploads and values.get(item.key) not in (None, "", item.default)
    }
