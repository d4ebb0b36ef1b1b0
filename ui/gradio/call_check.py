"""Limits of a call to Gradio, checked before its content is used. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeGuard

from comfy.base.json_values import levels
from comfy.base.messages import message
from ui.gradio.internals import session_and_call
from ui.web.json_bodies import read_object
from ui.web.limits import WebLimits
from ui.web.upload_folder import PLACE

_NOT_UPLOADED = "A file wasn't uploaded first."
# Gradio's page sends SVG files as text in the value instead of uploading them.
_NO_DRAWING = message("SVG drawings can't be used as images. Save it as PNG first.")
_MOST_NAME = 200  # characters of an ID that the browser generates


@dataclass(frozen=True, slots=True)
class Call:
    """Names in a call: the page's session, the listener's number, and the event of another call."""

    session: str | None = None
    listener: int | None = None
    event: str | None = None


def read_call(body: bytes, limits: WebLimits) -> Call | str:
    """Return the names in a call's JSON, or a message if the call is refused."""
    call = read_object(body, limits)
    if isinstance(call, str):
        return call
    for level in levels(call):
        for value in level:
            if isinstance(value, dict) and _names_other_file(value):
                drawing = str(value.get("url")).startswith("data:image/svg")
                return _NO_DRAWING if drawing else _NOT_UPLOADED
    session, event, listener = session_and_call(call)
    if not (_is_name(session) and _is_name(event)):
        return "An id must be a short text."
    return Call(session, listener if isinstance(listener, int) else None, event)


def _is_name(value: object) -> TypeGuard[str | None]:
    return value is None or (isinstance(value, str) and 0 < len(value) <= _MOST_NAME)


def _names_other_file(value: dict[str, Any]) -> bool:
    """Return whether this is Gradio's format for a file that isn't in this app's upload folder.
    Gradio would fetch any URL."""
    path, address = value.get("path"), value.get("url")
    if isinstance(address, str) and address.lower().lstrip().startswith("data:"):
        return True
    return isinstance(path, str) and not PLACE.fullmatch(path)
