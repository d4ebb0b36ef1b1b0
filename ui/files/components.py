"""Gradio's file components, without Gradio's own file handling.

Gradio opens every file that it shows or receives: it decodes images, passes sound and video to
ffmpeg, and fetches URLs. Here, a file is an id that this app assigns and checks
(`ui.web.upload_folder`), or a URL for the browser. Component values pass through Gradio as plain
JSON, which it doesn't recognize as files.
"""

# mypy: disable-error-code="misc, override"
# Gradio's components take and return its own kinds of files, and these have none.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import gradio as gr

from ui.gradio.internals import FILE, WithoutDataModel, WithoutStub


@dataclass(frozen=True, slots=True)
class Painted:
    """The ids of an image and of the layers painted over it."""

    image: str
    layers: tuple[str, ...]


def shown_file(root: str, place: str, size: int) -> dict[str, Any]:
    """Return the value of a component that shows a file of this app. `root`: the app's path."""
    name = place.rpartition("/")[2]
    return {"path": place, "url": f"{root}{FILE}{quote(place)}", "orig_name": name, "size": size}


def place_in(payload: object) -> str | None:
    """Return the file id that a browser sent. The file doesn't have to exist."""
    file_id = payload.get("path") if isinstance(payload, dict) else None
    return file_id if isinstance(file_id, str) else None


class _Untouched(WithoutDataModel):
    """Base of components that show their value unchanged, and return the file id that the browser
    sent."""

    def api_info(self) -> dict[str, Any]:
        """Return the description that Gradio requires of every component. Scripts don't see these
        components."""
        return {"type": "object"}

    def preprocess(self, payload: object) -> object:
        """Return the id of a file, or None."""
        return place_in(payload)

    def postprocess(self, value: object) -> object:
        """Return the value of `shown_file`, or None."""
        return value


# Named like Gradio's own components, because the page chooses their renderers by name.
class Image(_Untouched, gr.Image, metaclass=WithoutStub):
    """Image component."""


class Audio(_Untouched, gr.Audio, metaclass=WithoutStub):
    """Sound component."""


class Video(_Untouched, gr.Video, metaclass=WithoutStub):
    """Video component."""


class File(_Untouched, gr.File, metaclass=WithoutStub):
    """Component for any file."""
