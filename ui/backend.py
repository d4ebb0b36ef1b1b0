"""What every page and route works with, handed to them as one value."""

from __future__ import annotations

import hashlib
import random
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from comfy.client import Client
from comfy.errors import ComfyError, RunNotFound, ServerUnreachable, WorkflowError
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
from comfy.strangers import without_files_of_others
from comfy.workflow import Workflow, open_workflow
from ui.limits import WebLimits
from ui.media import Refused, Upload, put_back

CATALOGUE_AGE = 300.0  # seconds; the refresh button asks at once
TROUBLED_AGE = 30.0  # until a server that did not answer is asked again
UPLOADS = "comfyforms"
MOST_INPUTS = 10_000  # two or three seconds' work; the largest workflow seen has 2,000
SENDING = 8  # runs whose files are on their way to the server at once


class FieldErrors(ComfyError):
    """Values the form refuses; `errors` holds one sentence a field, by its key."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("Some fields need another look.", "They are marked below.")
        self.errors = dict(errors)


class LiveCatalogue:
    """The server's node catalogue, fetched when first needed and again when it has grown old."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._catalogue: Catalogue | None = None
        self._good_until = 0.0

    def get(self, *, refresh: bool = False) -> Catalogue:
        """The catalogue, at most five minutes old; an old one while the server is away.

        Raises ServerUnreachable or ServerError when there is none at all.
        """
        known = self._catalogue
        if known is not None and not refresh and time.monotonic() < self._good_until:
            return known
        if known is not None and self._lock.locked():  # somebody is asking already, of a server that may be slow
            return known
        with self._lock:
            try:
                self._catalogue = Catalogue(self._client.object_info())
                self._good_until = time.monotonic() + CATALOGUE_AGE
            except ComfyError:
                if self._catalogue is None:
                    raise
                self._good_until = time.monotonic() + TROUBLED_AGE
            return self._catalogue

    def at_hand(self) -> Catalogue:
        """The catalogue as it was last fetched; ServerUnreachable where it never was. Never asks the server."""
        if self._catalogue is None:
            raise ServerUnreachable("The server has not told its nodes yet.")
        return self._catalogue


@dataclass(frozen=True)
class Backend:
    """The server, the runs on it and the workflows on offer.

    `demo`: the server is the stand-in. `files`: a folder of this app's own for what a page shows from the server.
    `may_keep`: people may put workflows they opened into the folder, for everybody, and those may name files of the
    server's. `limits`: what strangers may push. `secret`: what nobody can guess, as `ui.secret` keeps it.
    """

    client: Client
    runs: Runs
    folder: WorkflowFolder
    catalogue: LiveCatalogue
    demo: bool
    files: Path
    may_keep: bool = False
    limits: WebLimits = field(default_factory=WebLimits)
    opened: OpenedWorkflows = field(default_factory=OpenedWorkflows)
    rng: random.Random = field(default_factory=random.SystemRandom)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    # Each file is in memory twice while it is sent.
    sending: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(SENDING), repr=False)

    def form(
        self, name: str, owner: str, values: Mapping[str, object] | None = None, *, at_hand: bool = False
    ) -> tuple[Workflow, Form]:
        """The workflow that goes by `name` for this person, and its form with the fields that these values bring.

        `at_hand`: by what is known of the server's nodes, without asking it.
        Raises WorkflowError, ServerUnreachable.
        """
        brought = name.startswith(OPENED_MARK)
        found = self.opened.get(owner, name) if brought else self.folder.get(name)
        catalogue = self.catalogue.at_hand() if at_hand else self.catalogue.get()
        workflow = on_server(found, catalogue)
        if brought and not self.may_keep:
            workflow = without_files_of_others(workflow, catalogue)
        if sum(len(node["inputs"]) for node in workflow.prompt.values()) > MOST_INPUTS:
            raise WorkflowError("This workflow has more inputs than a form can show.", "Open a smaller one.")
        return workflow, build_form(workflow, catalogue, values)

    def open(self, owner: str, file: str, data: bytes) -> Workflow:
        """Open a file for this person alone; the answer's name is what it goes by. WorkflowError says why not."""
        return self.opened.put(owner, open_workflow(file, data), file, data)

    def keep(self, owner: str, name: str) -> str:
        """Put an opened workflow into the folder, for everybody; the name it has there. WorkflowError."""
        if not self.may_keep:
            raise WorkflowError("This app does not take new workflows.", "Ask whoever runs it to add the file.")
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
        errors |= _foreign_files(form, cleaned, uploads) | self._refused(form, values)
        if errors:
            raise FieldErrors(errors)
        with self._kept(uploads) as inputs:
            prompt, used = fill(workflow, form, cleaned | self._send(uploads), self.rng)
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

        Raises RunNotFound, UploadRejected, ServerUnreachable.
        """
        job = self.runs.record(run_id, owner).job
        given = {key: (kept, self._path(kept.digest)) for key, kept in job.inputs.items()}
        uploads = {key: Upload(kept.name, path) for key, (kept, path) in given.items() if path}
        with self._kept(uploads), self.sending:
            for key, upload in uploads.items():
                # Where its prompt says: the server may have been emptied. The same bytes are taken once.
                folder, _, file = str(job.values.get(key, "")).rpartition("/")
                if folder:
                    self.client.upload(upload.data, file, subfolder=folder)
            return self.runs.submit(job, owner=owner, address=address, keeps_going=keeps_going)

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
                case Upload() as upload:
                    room -= upload.size
                    if why := upload.problem(self.limits.file, item.widget):
                        errors[item.key] = f"{item.label} {why}"
                    elif room < 0:
                        most = f"{self.limits.run_files // MIB} MB"
                        errors[item.key] = f"{item.label} is too much: the files of one run can have {most} in all."
        return errors

    def example(self, item: Field) -> str | None:
        """The author's own file of a media field as a file here, or None where the server does not have it."""
        if not isinstance(item.default, str) or not item.default or not item.default_offered:
            return None
        folder, _, name = item.default.rpartition("/")
        return self.copy_of(OutputFile(name, folder, "input", "file", item.node))

    def put_back(self, digest: str, name: str) -> str | None:
        """A file that is kept here, where a field of the form can show it; None where it is gone."""
        path = self._path(digest)
        return put_back(path, self._unguessable(digest.encode()), name) if path else None

    def result(self, record: Record, at: int) -> str | None:
        """A file of a run's results where a field of the form can show it; None where it is gone."""
        file = record.state.files[at]
        if file.digest:
            return self.put_back(file.digest, file.filename)
        try:
            return self.copy_of(file) if self.runs.get(record.id, record.owner) else None
        except RunNotFound:  # from an earlier life: another file may go by that name now
            return None

    def copy_of(self, file: OutputFile) -> str | None:
        """A file of the server's as a file here, fetched once; None where the server no longer has it."""
        key = self._unguessable(f"{file.type}/{file.subfolder}/{file.filename}".encode(errors="replace"))
        copy = self.files / f"{key}{Path(plain_name(file.filename)).suffix}"
        if not copy.exists():
            part = copy.with_suffix(f".{secrets.token_hex(4)}.part")
            try:
                with self.client.view(file) as answer, part.open("wb") as kept:
                    for chunk in answer.iter_bytes():
                        if kept.tell() + len(chunk) > self.limits.file.size:
                            raise ComfyError("The file is too large to be shown.")
                        kept.write(chunk)
                part.replace(copy)
            except ComfyError:
                part.unlink(missing_ok=True)
                return None
        return str(copy)

    def _unguessable(self, name: bytes) -> str:
        """Places are shown to a browser, and whoever knows a place can fetch it."""
        return hashlib.blake2b(name, key=self.secret, digest_size=16).hexdigest()

    def _send(self, uploads: Mapping[str, Upload]) -> dict[str, object]:
        """Upload files under a folder nobody can guess; their names on the server by field key."""
        folder = f"{UPLOADS}/{secrets.token_hex(8)}"
        with self.sending:
            return {
                key: self.client.upload(file.data, plain_name(file.name), subfolder=folder)
                for key, file in uploads.items()
            }


def _foreign_files(form: Form, values: Mapping[str, object], uploads: Mapping[str, Upload]) -> dict[str, str]:
    """Media fields that name a file on the server which is not the author's: it may be somebody else's."""
    return {
        item.key: f"{item.label}: send the file itself."
        for item in form.fields
        if item.is_media and item.key not in uploads and values.get(item.key) not in (None, "", item.default)
    }
