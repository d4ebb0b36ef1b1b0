"""What a call to Gradio may carry: judged before anybody uses it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeGuard

from comfy.base.json_values import levels
from comfy.base.messages import message
from ui.gradio.internals import session_and_call
from ui.web.json_bodies import read_object
from ui.web.limits import WebLimits
from ui.web.upload_folder import PLACE

_NOT_UPLOADED = message("Files have to be uploaded first, and one of these was not.")
# Gradio's page writes them out
_NO_DRAWING = message("A drawing (SVG) can't be used as an image. Save it as PNG first.")
_MOST_NAME = 200  # characters of an id that a browser has made up


@dataclass(frozen=True, slots=True)
class Call:
    """What a call names: the session of the page that makes it, a listener by its number, another
    call."""

    session: str | None = None
    listener: int | None = None
    event: str | None = None


def read_call(body: bytes, limits: WebLimits) -> Call | str:
    """What a call's JSON names; a sentence where it is not handed on."""
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
        return message("An id is a short text.")
    return Call(session, listener if isinstance(listener, int) else None, event)


def _is_name(value: object) -> TypeGuard[str | None]:
    return value is None or (isinstance(value, str) and 0 < len(value) <= _MOST_NAME)


def _names_other_file(value: dict[str, Any]) -> bool:
    """Whether this is Gradio's word for a file whose place is none of this app's. It would fetch
    any address."""
    place, address = value.get("path"), value.get("url")
    if isinstance(address, str) and address.lower().lstrip().startswith("data:"):
        return True
    return isinstance(place, str) and not PLACE.fullmatch(place)
