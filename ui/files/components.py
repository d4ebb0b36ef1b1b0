"""Gradio's components for files, without anything that Gradio does to a file.

By itself Gradio opens what it is to show or was given: it decodes images, hands sound and video
to ffmpeg, fetches addresses. Here a file is a place, told by this app and checked by it
(`ui.web.upload_folder`), or an address for the browser; what a component shows and takes passes
through Gradio as plain JSON that it does not know to be files.
"""

# mypy: disable-error-code="misc, override"
# What Gradio's components take and give are its own kinds of files, and these have none.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import gradio as gr

from ui.gradio.internals import FILE, WithoutDataModel, WithoutStub


@dataclass(frozen=True, slots=True)
class Painted:
    """The places of an image and of what was painted over it."""

    image: str
    layers: tuple[str, ...]


def shown_file(root: str, place: str, size: int) -> dict[str, Any]:
    """Return the value of a component that shows a file of this app. `root`: the app's path."""
    name = place.rpartition("/")[2]
    return {"path": place, "url": f"{root}{FILE}{quote(place)}", "orig_name": name, "size": size}


def place_in(payload: object) -> str | None:
    """The place of a file as a browser names it; whether there is such a file is another
    question."""
    place = payload.get("path") if isinstance(payload, dict) else None
    return place if isinstance(place, str) else None


class _Untouched(WithoutDataModel):
    """Shows what it is given, and hands on the place that the browser sent."""

    def api_info(self) -> dict[str, Any]:
        """Return what Gradio asks of every component; scripts don't see these."""
        return {"type": "object"}

    def preprocess(self, payload: object) -> object:
        """The place of a file, or None."""
        return place_in(payload)

    def postprocess(self, value: object) -> object:
        """Return the value of `shown_file`, or None."""
        return value


# Named as Gradio's own, by whose names the page finds what draws them.
class Image(_Untouched, gr.Image, metaclass=WithoutStub):
    """An image."""


class Audio(_Untouched, gr.Audio, metaclass=WithoutStub):
    """A sound."""


class Video(_Untouched, gr.Video, metaclass=WithoutStub):
    """A video."""


class File(_Untouched, gr.File, metaclass=WithoutStub):
    """Any file."""
