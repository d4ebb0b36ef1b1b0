"""Files between form fields and runs, checked each time against the field."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comfy.base.messages import message
from comfy.form.model import Field
from comfy.launch.uploads import FILE_GONE, Refused, Upload, content_of, judged
from comfy.media.checks import FileLimits
from comfy.media.decoding import DecodingSlots, Undecodable
from ui.files.components import Painted, shown_file
from ui.files.masks import put_together, taken_apart
from ui.web.upload_folder import UploadFolder

log = logging.getLogger(__name__)

NOT_KEPT = message("This file couldn't be uploaded.")


@dataclass(frozen=True, slots=True)
class FieldFiles:
    """Files of one user, who can't reach other users' files. `root`: the app's path, as the browser
    reaches it."""

    uploads: UploadFolder
    limits: FileLimits
    turns: DecodingSlots
    owner: str
    root: str = ""

    def taken(self, value: object, field: Field) -> object:
        """Return a field's value: for a file, the file or its problem; otherwise the value."""
        match value:
            case Painted(image, layers) if field.is_media:
                return self._painted((image, *layers))
            case str() if field.is_media:
                return self._judged(value, field.media)
        return value

    def given(self, places: Sequence[object], field: Field) -> tuple[Upload, ...] | Refused:
        """Return the files with these ids, an image and its paint, or the first problem."""
        files = tuple(self._judged(place, field.media) for place in places)
        refused = (one for one in files if isinstance(one, Refused))
        return next(refused, tuple(one for one in files if isinstance(one, Upload)))

    def shown(self, place: object, field: Field) -> dict[str, Any] | Refused | None:
        """Return a file, or a `Painted` one, as its field's component shows it. Returns the reason
        if the field doesn't accept it, and None if it is gone. A missing mask is left out."""
        if isinstance(place, Painted):
            return self._painted_over(place, field)
        match self._judged(place, field.media):
            case Upload(source=Path() as file) if field.is_painted:
                return self._taken_apart(file)
            case Upload(source=Path() as file):
                return self._file(file)
            case Refused(why) as refused if why != FILE_GONE:
                return refused
        return None

    def paint(self, place: object) -> str | None:
        """Return the id of the paint over an image, extracted from the file with both; None if it
        has no paint or is unreadable."""
        match self._judged(place, "image"):
            case Upload(source=Path() as file):
                with suppress(Undecodable, OSError), self.turns.turn_of(self.owner):
                    parts = taken_apart(file)
                    return self.uploads.place(parts[1]) if parts else None
        return None

    def _painted_over(self, painted: Painted, field: Field) -> dict[str, Any] | Refused | None:
        if not field.is_painted:
            return self.shown(painted.image, field)
        match self._judged(painted.image, "image"):
            case Upload(source=Path() as file):
                layers = [self._judged(place, "image") for place in painted.layers]
                there = [one.source for one in layers if isinstance(one, Upload)]
                return self._with_layers(file, *(one for one in there if isinstance(one, Path)))
            case Refused(why) as refused if why != FILE_GONE:
                return refused
        return None

    def _judged(self, place: object, media: str) -> Upload | Refused:
        return judged(self.uploads.find(self.owner, place), self.limits, media)

    def _painted(self, places: tuple[str, ...]) -> Upload | Refused:
        files: list[Path] = []
        for file_id in places:
            match self._judged(file_id, "image"):
                case Refused() as refused:
                    return refused
                case Upload(source=Path() as file):
                    files.append(file)
        target = self.uploads.make(self.owner, "painted.png")
        try:
            with self.turns.turn_of(self.owner):
                put_together(files[0], files[1:], self.limits, target)
        except Undecodable as problem:
            return Refused(str(problem))
        except OSError:
            log.exception("A painted image cannot be kept")
            return Refused(NOT_KEPT)
        self.uploads.kept(target)
        return Upload(target.name, target, content_of(Upload(files[0].name, files[0])))

    def _taken_apart(self, file: Path) -> dict[str, Any] | Refused:
        try:
            with self.turns.turn_of(self.owner):
                parts = taken_apart(file)
        except Undecodable as problem:
            return Refused(str(problem))
        except OSError:
            log.exception("The paint of an image cannot be kept")
            return Refused(NOT_KEPT)
        return self._with_layers(*(parts or (file,)))

    def _with_layers(self, *files: Path) -> dict[str, Any]:
        image, *layers = map(self._file, files)
        return {"background": image, "layers": layers}

    def _file(self, file: Path) -> dict[str, Any]:
        return shown_file(self.root, self.uploads.place(file), file.stat().st_size)
