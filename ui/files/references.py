"""References to files in the values of a form: read what a page or a program sent, and find the
file.

| reference | how it is sent |
|---|---|
| `UploadReference` | `{"file": place, "mask": place}`, or the place alone |
| `Upload` | a `data:` address, or `{"base64": "…", "name": "a.png"}` |
| `ResultReference` | `{"run": "…", "file": 0}` |

`FileResolver` is the only way from a reference to a file. It looks among the owner's files only,
and the field judges each file it finds. Any other text stays a text: the author's own
file, or another that `comfy.launch.uploads.foreign_files` refuses.

Results on their way into form fields: each kind goes into a field that accepts it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, replace

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.files import plain_name
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.form.model import Field, takes
from comfy.launch.uploads import Refused, Upload, from_data_url
from comfy.media.checks import wanted_file
from comfy.records.record import Record
from ui.documents.headlines import NO_RESULT
from ui.files.components import Painted
from ui.files.copies import FileCopies

_ANY = -1  # replaces a file's index in a run's results: the first one that the field takes
_NOT_BASE64 = "The file is not valid base64."
_FILE_WORDS = (
    'A file must be the id of an upload, a data: URL, {"base64": "…", "name": "a.png"} '
    'or {"run": "…", "file": 0}.'
)


@dataclass(frozen=True, slots=True)
class FieldResults:
    """Results of runs as files for form fields. `root`: the path of the app."""

    copies: FileCopies
    root: str = ""

    def place(self, record: Record, at: int, field: Field) -> str | Refused:
        """Return the id of a result among its owner's files, or the reason if the field doesn't
        take it.

        `at`: the index of the run's file, or _ANY.
        """
        files = record.state.files
        chosen = _first_for(files, field) if at == _ANY else at
        if not 0 <= chosen < len(files):
            return Refused(NO_RESULT)
        if not takes(field, files[chosen].kind):
            return Refused(wanted_file(field.kind.file.media if field.kind.file else ""))
        file_id = self.copies.of_result(record, chosen)
        if file_id is None:
            return Refused(NO_RESULT)
        mine = self.copies.files_of(record.owner, self.root)
        match mine.taken(file_id, field):
            case Refused() as refused:
                return refused
        return file_id


def _first_for(files: tuple[OutputFile, ...], field: Field) -> int:
    """Return the index of the first file that the field takes, saved ones first; otherwise 0."""
    taken = (at for at, file in enumerate(files) if takes(field, file.kind))
    return min(taken, key=lambda at: files[at].type != "output", default=0)


@dataclass(frozen=True, slots=True)
class UploadReference:
    """A file in the upload folder by its id (`place`), and the ids of its paint. `name`: its name
    in a refusal, empty for its own name."""

    place: str
    masks: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class ResultReference:
    """A file of a run's results by its index."""

    run: str
    at: int


def read_reference(value: object) -> UploadReference | ResultReference | Upload | Refused | None:
    """Return the file that a value refers to, or the reason it is refused; None for everything
    else."""
    match value:
        case UploadReference():
            return value
        case {"base64": str(text), **more}:
            return _from_base64(text, more.get("name"))
        case {"run": str(run), **more}:
            index = more.get("file", 0)
            return (
                ResultReference(run, max(index, 0))
                if isinstance(index, int)
                else Refused(_FILE_WORDS)
            )
        case {"file": str(file_id), **more}:
            mask, name = more.get("mask"), more.get("name")
            masks = (mask,) if isinstance(mask, str) else ()
            return UploadReference(file_id, masks, name if isinstance(name, str) else "")
        case {"file": None}:
            return None
        case str():
            return from_data_url(value)
        case dict() | list():
            return Refused(_FILE_WORDS)
    return None


def inline_file(value: object) -> object:
    """Return the file in a `data:` URL; anything else unchanged."""
    return (from_data_url(value) or value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class FileResolver:
    """Finder of the files that one owner's values refer to. `run`: see `FileCopies.results_of`."""

    copies: FileCopies
    owner: str
    run: Callable[[str], Record]

    def resolve(self, value: object, field: Field) -> object:
        """Return the file for a field that takes files, or a `Refused` with the reason. Values that
        refer to no file stay unchanged."""
        match read_reference(value):
            case UploadReference() as uploaded:
                return self._uploaded(uploaded, field)
            case ResultReference() as result:
                return self._result(result, field)
            case Upload() | Refused() as file:
                return file
        match value:
            case {"file": None}:
                return None
            case str() if self.copies.uploads.find(self.owner, value):
                return self._uploaded(UploadReference(value), field)
        return value

    def _uploaded(self, file: UploadReference, field: Field) -> object:
        painted = Painted(file.place, file.masks) if field.is_painted else file.place
        taken = self.copies.files_of(self.owner).taken(painted, field)
        if isinstance(taken, Refused) and file.name:
            return replace(taken, name=file.name)
        return taken

    def _result(self, result: ResultReference, field: Field) -> object:
        try:
            record = self.run(result.run)
        except RunNotFound:
            return Refused(NO_RESULT)
        except ComfyError as problem:
            return Refused(str(problem))
        match FieldResults(self.copies).place(record, result.at, field):
            case Refused() as refused:
                return refused
            case file_id:
                taken = self.copies.files_of(self.owner).taken(file_id, field)
        return replace(taken, made_by=record.id) if isinstance(taken, Upload) else taken


def _from_base64(text: str, name: object) -> Upload | Refused:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return Refused(_NOT_BASE64)
    return Upload(plain_name(name if isinstance(name, str) else "upload.bin"), data)
