"""What a call to Gradio may carry: judged before anybody uses it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ui.limits import WebLimits
from ui.upload_folder import PLACE

MOST_MARKS = 500_000  # brackets and commas, also of texts: each may become a hundred bytes of memory and more
NOT_UPLOADED = "Files have to be uploaded first, and one of these was not."
NO_DRAWING = "A drawing (SVG) cannot be used as a picture. Save it as PNG first."  # Gradio's page writes them out
MOST_NAME = 200  # characters of an id that a browser has made up


@dataclass(frozen=True)
class Call:
    """What a call names: the session of the page that makes it, a listener by its number, another call."""

    session: str | None = None
    listener: int | None = None
    event: str | None = None


def read_call(body: bytes, limits: WebLimits) -> Call | str:
    """What a call's JSON names; a sentence where it is not handed on."""
    if sum(map(body.count, (b"[", b"{", b","))) > MOST_MARKS:
        return too_many(limits)
    try:
        call = json.loads(body)
    except (ValueError, RecursionError):
        return "This is not JSON."
    if not isinstance(call, dict):
        return "A call is a JSON object."
    for number, (depth, value) in enumerate(_walk(call), start=1):
        if depth > limits.depth:
            return "These values are nested too deeply."
        if number > limits.values:
            return too_many(limits)
        if isinstance(value, dict) and _names_other_file(value):
            return NO_DRAWING if str(value.get("url")).startswith("data:image/svg") else NOT_UPLOADED
    session, event, listener = call.get("session_hash"), call.get("event_id"), call.get("fn_index")
    if not (_is_name(session) and _is_name(event)):
        return "An id is a short text."
    return Call(session, listener if isinstance(listener, int) else None, event)


def too_many(limits: WebLimits) -> str:
    """The sentence for more values than a call may have."""
    return f"These are more than {limits.values:,} values."


def _is_name(value: object) -> bool:
    return value is None or (isinstance(value, str) and 0 < len(value) <= MOST_NAME)


def _walk(value: Any) -> Iterator[tuple[int, Any]]:
    level, depth = [value], 0
    while level:
        yield from ((depth, one) for one in level)
        level = [
            child
            for one in level
            for child in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
        depth += 1


def _names_other_file(value: dict[str, Any]) -> bool:
    """Whether this is Gradio's word for a file whose place is none of this app's. It would fetch any address."""
    place, address = value.get("path"), value.get("url")
    if isinstance(address, str) and address.lower().lstrip().startswith("data:"):
        return True
    return isinstance(place, str) and not PLACE.fullmatch(place)
