"""Results on their way into form fields: each kind goes into a field that accepts it."""

from __future__ import annotations

from dataclasses import dataclass

from comfy.comfyui.protocol.outputs import OutputFile
from comfy.form.model import Field, takes
from comfy.launch.uploads import Refused
from comfy.media.checks import wanted_file
from comfy.records.record import Record
from ui.documents.headlines import NO_RESULT
from ui.files.copies import FileCopies

_ANY = -1  # replaces a file's index in a run's results: the first one that the field takes


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
