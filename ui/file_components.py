"""Gradio's components for files, without anything that Gradio does to a file.

By itself Gradio opens what it is to show or was given: it decodes pictures, hands sound and video to ffmpeg, fetches
addresses. Here a file is a place, told by this app and checked by it (`ui.upload_folder`), or an address for the
browser; what a component shows and takes passes through Gradio as plain JSON that it does not know to be files.
"""

# mypy: disable-error-code="misc, override"
# What Gradio's components take and give are its own kinds of files, and these have none.

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import gradio as gr
from gradio.component_meta import ComponentMeta
from gradio.route_utils import API_PREFIX, get_root_url

FILE = f"{API_PREFIX}/file="


@dataclass(frozen=True)
class Painted:
    """The places of a picture and of what was painted over it."""

    picture: str
    layers: tuple[str, ...]


def root_of(request: gr.Request) -> str:
    """The path of the app as this browser reaches it, "" at the root; no host, of which a request may say anything."""
    inner = request.request
    if inner is None:
        return ""
    route = inner.url.path[inner.url.path.index(API_PREFIX) :]
    return urlsplit(get_root_url(inner, route, inner.app.root_path)).path.rstrip("/")


def shown_at(address: str) -> Any:
    """What a component shows: a file at an address that the browser fetches."""
    return {"path": address, "url": address}


def shown_file(root: str, place: str, size: int) -> dict[str, Any]:
    """What a component shows, and gives back: a file of this app's at its place. `root`: the path of the app."""
    name = place.rpartition("/")[2]
    return {"path": place, "url": f"{root}{FILE}{quote(place)}", "orig_name": name, "size": size}


def place_in(payload: object) -> str | None:
    """The place of a file as a browser names it; whether there is such a file is another question."""
    place = payload.get("path") if isinstance(payload, dict) else None
    return place if isinstance(place, str) else None


class _WithoutStub(ComponentMeta):
    """Makes a component's class without the `.pyi` file that Gradio writes beside it."""

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> Any:
        return ABCMeta.__new__(cls, name, bases, attrs)


class _Untouched:
    """Shows what it is given, and hands on the place that the browser sent."""

    def api_info(self) -> dict[str, Any]:
        """What Gradio asks of every component; no script is told of these."""
        return {"type": "object"}

    @property
    def data_model(self) -> None:
        """None: Gradio would make its own kind of file of what comes."""

    @data_model.setter
    def data_model(self, _: object) -> None:
        pass

    def preprocess(self, payload: Any) -> Any:
        """The place of a file, or None."""
        return place_in(payload)

    def postprocess(self, value: Any) -> Any:
        """What `shown_at` and `shown_file` made, or None."""
        return value


# Named as Gradio's own, by whose names the page finds what draws them.
class Image(_Untouched, gr.Image, metaclass=_WithoutStub):
    """A picture."""


class Audio(_Untouched, gr.Audio, metaclass=_WithoutStub):
    """A sound."""


class Video(_Untouched, gr.Video, metaclass=_WithoutStub):
    """A video."""


class File(_Untouched, gr.File, metaclass=_WithoutStub):
    """Any file."""


class Model3D(_Untouched, gr.Model3D, metaclass=_WithoutStub):
    """A model to turn round."""


class Gallery(_Untouched, gr.Gallery, metaclass=_WithoutStub):
    """Several pictures and videos, shown by their addresses."""

    def postprocess(self, value: Any) -> Any:
        """What `in_gallery` made, or nothing."""
        return value or []


class ImageEditor(_Untouched, gr.ImageEditor, metaclass=_WithoutStub):
    """A picture to paint over."""

    def preprocess(self, payload: Any) -> Painted | None:
        """The places of picture and layers; nobody looks at the composite."""
        picture = place_in(payload.get("background")) if isinstance(payload, dict) else None
        layers = payload.get("layers") if isinstance(payload, dict) else None
        if picture is None:
            return None
        return Painted(picture, tuple(place_in(layer) or "" for layer in layers) if isinstance(layers, list) else ())


def in_gallery(files: Iterable[tuple[str, str]]) -> Any:
    """What a gallery shows: files by address and kind ("image" or "video")."""
    return [{kind: shown_at(address), "caption": None} for address, kind in files]
