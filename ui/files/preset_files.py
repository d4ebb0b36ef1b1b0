"""Files of presets: stored from a form's fields, and restored into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from comfy.base.errors import ComfyError
from comfy.base.messages import labeled, message
from comfy.form.model import Field, Form
from comfy.launch.uploads import Refused, Upload, kept_uploads
from comfy.records.presets import Preset, PresetFile
from comfy.records.store import RunStore
from ui.documents.browser_values import file_kept, painted_kept, places_kept
from ui.files.copies import FileCopies

Files = dict[str, tuple[PresetFile, ...]]


@dataclass(frozen=True, slots=True)
class PresetFiles:
    """Files of presets, taken from a user's uploads and copied for users who may use the preset."""

    copies: FileCopies
    history: RunStore

    @contextmanager
    def kept(self, form: Form, values: Mapping[str, Any], owner: str) -> Iterator[Files]:
        """Store the files among a form's values. They stay if a preset with them is saved in the
        block. Raises ComfyError, also if a file is gone or its field doesn't accept it."""
        mine = self.copies.files_of(owner)
        uploads: dict[str, tuple[Upload, ...]] = {}
        for field in _with_files(form, values):
            match mine.given(places_kept(values[field.key]), field):
                case Refused(why):
                    raise ComfyError(
                        labeled(field.label, why),
                        message("Then save the preset again."),
                    )
                case tuple(given):
                    uploads[field.key] = given
        every = {
            f"{key} {at}": one for key, given in uploads.items() for at, one in enumerate(given)
        }
        with kept_uploads(self.copies.blobs, self.history, every) as kept:
            yield {
                key: tuple(
                    PresetFile(one.name, kept[f"{key} {at}"].digest) for at, one in enumerate(given)
                )
                for key, given in uploads.items()
            }

    def values(self, form: Form, preset: Preset, owner: str) -> dict[str, Any]:
        """Return a preset's values in the browser's format, with copies of its files for this user.
        Missing files are left out."""
        files = {field.key: field for field in _with_files(form, preset.files)}
        shown: dict[str, Any] = dict(preset.values)
        for key, field in files.items():
            places = [
                self.copies.of_kept(file.digest, file.name, owner) for file in preset.files[key]
            ]
            if places[0] is not None:
                painted = field.is_painted
                shown[key] = painted_kept(*places) if painted else file_kept(places[0])
        return shown


def _with_files(form: Form, values: Mapping[str, Any]) -> Iterator[Field]:
    """Yield the file fields that have a value, except for hidden ones."""
    for field in form.fields:
        if field.is_media and field.group != "hidden" and values.get(field.key):
            yield field
