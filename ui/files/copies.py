"""Stored files and server files on their way onto a page: each is copied once per user."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from comfy.base.errors import ComfyError, RunNotFound
from comfy.comfyui.client.view import ServerFiles
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.form.model import Field
from comfy.launch.uploads import KeptUpload
from comfy.media.checks import FileLimits
from comfy.media.svg import MOST_BYTES, is_plain_drawing
from comfy.records.blobs import BlobStore
from comfy.records.lineage import given_files
from comfy.records.record import KeptInput, Record
from comfy.runs.interface import RunRegistry
from ui.documents.browser_values import file_kept, kept, painted_kept
from ui.files.field_files import FieldFiles
from ui.web.upload_folder import UploadFolder

log = logging.getLogger(__name__)

_DRAWING = (".svg", ".svgz")


@dataclass(frozen=True, slots=True)
class FileCopies:
    """Copies of files in the uploads folder (`uploads`), created and removed here.

    `secret`: an unguessable value, from `ui.web.cookies`.
    """

    uploads: UploadFolder
    blobs: BlobStore
    server: ServerFiles
    runs: RunRegistry
    limits: FileLimits
    secret: bytes = field(repr=False)

    def files_of(self, owner: str, root: str = "") -> FieldFiles:
        """Return the user's files for form fields. `root`: the path of the app that shows them."""
        return FieldFiles(self.uploads, self.limits, self.blobs.turns, owner, root)

    def example(self, item: Field, owner: str) -> str | None:
        """Return the id of the author's own file for a media field; None if the server doesn't have
        it."""
        if not isinstance(item.default, str) or not item.default or not item.default_offered:
            return None
        folder, _, name = item.default.rpartition("/")
        file = OutputFile(name, folder, "input", "file", item.node)
        return self.of_server(replace(file, channel="rgba") if item.is_painted else file, owner)

    def beside(self, workflow: Path, name: str, owner: str) -> str | None:
        """Return the id of an image that an author put beside a workflow; None if it doesn't
        exist."""
        image = workflow.with_name(name)
        try:
            key = self._key(f"{image} {image.stat().st_mtime_ns}")
            return self.uploads.place(self.uploads.copy(owner, image, name, key))
        except OSError as problem:
            log.info("An example's image can't be shown in a form: %s", problem)
            return None

    def of_kept(self, digest: str, name: str, owner: str) -> str | None:
        """Return the id of a stored file, for a field of the owner's form; None if the file is
        gone."""
        path = self.blobs.path(digest)
        try:
            return (
                self.uploads.place(self.uploads.copy(owner, path, name, self._key(digest)))
                if path
                else None
            )
        except OSError as problem:  # deleted meanwhile, or the disk is full
            log.info("A stored file can't be shown in a form: %s", problem)
            return None

    def given_value(self, given: KeptInput | KeptUpload, owner: str) -> dict[str, str | None]:
        """Return a given file in the browser's format for a field. A painted image becomes the
        image and its paint, if the image below is still stored."""
        file_id = self.of_kept(given.digest, given.name, owner)
        below = self.of_kept(given.below, given.name, owner) if file_id and given.below else None
        paint = self.files_of(owner).paint(file_id) if below else None
        return painted_kept(below, paint) if paint else file_kept(file_id)

    def given_values(self, values: Mapping[str, object], owner: str) -> dict[str, Any]:
        """Return the values of a form by field key, in the browser's format. For files, see
        `given_value`."""
        return {
            key: self.given_value(value, owner)
            if isinstance(value, KeptInput | KeptUpload)
            else kept(value)
            for key, value in values.items()
        }

    def results_of(self, owner: str) -> Callable[[str], Record]:
        """Return a function that returns a run of this owner like `RunRegistry.record`, without its
        prompt, for a single request: the request may name each run many times, and a prompt may
        have many megabytes."""

        @cache
        def found(run_id: str) -> Record:
            record = self.runs.record(run_id, owner)
            return replace(record, job=replace(record.job, prompt={}, values={}, extra_data={}))

        return found

    def of_result(self, record: Record, at: int) -> str | None:
        """Return the id of a run's result file, for its owner's form; None if the file is gone."""
        file = record.state.files[at]
        if file.digest:
            return self.of_kept(file.digest, file.name, record.owner)
        try:
            return (
                self.of_server(file, record.owner, record.id)
                if self.runs.get(record.id, record.owner)
                else None
            )
        except RunNotFound:  # from before a restart: another file may have this name now
            return None

    def of_server(self, file: OutputFile, owner: str, run: str = "") -> str | None:
        """Return the id of a server file, which is fetched once per user; None if the server no
        longer has it. `run`: the run whose result it is, because another run's file may have the
        same name."""
        try:
            copy = self.uploads.make(owner, file.name, self._key_of(file, run))
            if not copy.exists():
                self.server.copy(file, copy, most=self.limits.size)
                self.uploads.kept(copy)
            return self.uploads.place(copy)
        except (ComfyError, OSError) as problem:  # or the disk is full
            log.info("A file of the ComfyUI server can't be shown in a form: %s", problem)
            return None

    def is_shown(self, record: Record, at: int) -> bool:
        """Return whether a page may show this image or video from a run's results. Drawings have to
        be plain."""
        if not record.state.files[at].filename.lower().endswith(_DRAWING):
            return True
        path = self.uploads.find(record.owner, self.of_result(record, at))
        if path is None:
            return False
        with path.open("rb") as drawing:
            return is_plain_drawing(drawing.read(MOST_BYTES + 1))

    def remove(self, record: Record) -> None:
        """Remove the copies of a deleted run's files, except for files that the owner has from
        another run."""
        digests = [
            *(file.digest for file in record.state.files),
            *given_files(record),
        ]
        for digest in filter(None, digests):
            if self.blobs.path(digest) is None:
                self.uploads.remove(record.owner, self._key(digest))
        for file in record.state.files:
            self.uploads.remove(record.owner, self._key_of(file, record.id))

    def _key_of(self, file: OutputFile, run: str) -> str:
        return self._key(f"{run}/{file.type}/{file.subfolder}/{file.filename}{file.channel}")

    def _key(self, name: str) -> str:
        """Return a part of a file id for browsers, which reveals nothing about the file."""
        return hashlib.blake2b(
            name.encode(errors="replace"), key=self.secret, digest_size=16
        ).hexdigest()
