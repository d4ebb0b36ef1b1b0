"""Workflows, runs and files of a remote app, as values."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path, PureWindowsPath
from typing import Any, Self

from PIL import Image

from comfyforms.remote.calls import Calls


@dataclass(frozen=True, slots=True)
class WorkflowInfo:
    """Available workflow or chain (`kind`). `problem`: why it can't be used, "" if it can."""

    name: str
    title: str
    kind: str
    problem: str


@dataclass(frozen=True, slots=True)
class ResultFile:
    """File that a run has made. As a value of another run, it isn't uploaded again."""

    run: str
    n: int
    name: str
    kind: str
    media_type: str
    url: str
    calls: Calls = field(repr=False, compare=False)

    def read(self) -> bytes:
        """Return the file's content. Raises ApiError if it no longer exists, and AppUnreachable."""
        return self.calls.content(f"/runs/{self.run}/files/{self.n}")[1]

    def image(self) -> Image.Image:
        """Return the file as a PIL image. Raises the errors of `read`, and
        PIL.UnidentifiedImageError for other files."""
        image = Image.open(io.BytesIO(self.read()))
        image.load()
        return image

    def save(self, folder: str | Path = ".") -> Path:
        """Save the file in a folder, under its name without any folders, and return its path."""
        path = Path(folder) / PureWindowsPath(self.name).name
        path.write_bytes(self.read())
        return path


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Snapshot of a run, as in docs/api_requests.md. `error` and `hint`: why it failed or was
    stopped, and what to do."""

    id: str
    workflow: str
    title: str
    phase: str
    finished: bool
    headline: str
    progress: float | None = None
    seconds_left: float | None = None
    queue_place: int | None = None
    step: int = 0
    steps: int = 0
    preview: int = 0
    files: tuple[ResultFile, ...] = ()
    texts: tuple[str, ...] = ()
    error: str = ""
    hint: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rests(self) -> bool:
        """Return whether the run has ended."""
        return self.finished

    @classmethod
    def of(cls, document: Mapping[str, Any], calls: Calls) -> Self:
        """Return the run in the app's answer, ignoring unknown parts."""
        error = document.get("error") or {}
        more = {
            "files": tuple(_file(document["id"], one, calls) for one in document.get("files", ())),
            "texts": tuple(document.get("texts", ())),
            "error": error.get("message", ""),
            "hint": error.get("hint", ""),
        }
        return cls(**{**known_parts(cls, document), **more})


def known_parts(kind: type[Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of the app's answer that are fields of this dataclass."""
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in document.items() if name in names}


def _file(run: str, document: Mapping[str, Any], calls: Calls) -> ResultFile:
    names = ("n", "name", "kind", "media_type", "url")
    return ResultFile(run=run, calls=calls, **{name: document[name] for name in names})
