"""Check of the requests to the custom node. Imports nothing from ComfyUI or the app.

ComfyUI has no sign-in, and any page in a browser can send it requests. Only pages of this ComfyUI
may start the app and add workflows.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

LARGEST_ORDER = 1024 * 1024  # bytes of a request
HEADERS_READ = ("content-type", "content-encoding", "origin", "host", "sec-fetch-site")
_LONGEST_NAME = 500  # characters, including its folders
_DEEPEST = 100  # levels of lists and objects; the editor's graphs have 12
_FORM = 'Send {"name": text, "saved": true or false, "workflow": object}.'


class OrderRefused(Exception):
    """Refused request; `status` is the response's."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


class Order(NamedTuple):
    """Request from the menu. `saved`: the name is the workflow's own. `replace`: the user agreed to
    replace another workflow with this name."""

    name: str
    saved: bool
    replace: bool
    workflow: Mapping[str, object]


def own_names(*addresses: str) -> frozenset[str]:
    """Return the host names of this machine and the configured addresses or names."""
    here = socket.gethostname()
    given = (urlsplit(one if "//" in one else f"//{one}").hostname or "" for one in addresses)
    return frozenset(
        name.lower() for name in ("localhost", here, f"{here}.local", socket.getfqdn(), *given)
    ) - {""}


def check_sender(headers: Mapping[str, Sequence[str]], names: frozenset[str]) -> None:
    """Raise OrderRefused unless a page of this ComfyUI sent the request.

    `headers`: the values of `HEADERS_READ`. `names`: the host names of this machine. Another site's
    page sends its own Origin, or JSON under a type that needs no permission. A page whose name was
    pointed here (DNS rebinding) sends that foreign name.
    """
    kind = headers["content-type"]
    types = [one.partition(";")[0].strip().lower() for one in kind]
    if types != ["application/json"] or headers["content-encoding"]:  # browsers never compress it
        raise OrderRefused(415, "Send the workflow as application/json.")
    origin, host = _only(headers["origin"]), _only(headers["host"])
    scheme, _, origin_host = origin.partition("://")
    elsewhere = any(one != "same-origin" for one in headers["sec-fetch-site"])
    if not host or scheme not in ("http", "https") or origin_host != host or elsewhere:
        raise OrderRefused(
            403,
            "Only ComfyUI's own page can open a form. If a proxy is in front of ComfyUI, it"
            " must forward the Host header.",
        )
    if not _is_own(host, names):
        raise OrderRefused(
            403,
            "ComfyForms doesn't know the host name of this ComfyUI. Add it to the environment"
            " variable COMFYFORMS_HOSTS and restart ComfyUI.",
        )


def read_order(body: bytes) -> Order:
    """Return the order in a request. Raises OrderRefused."""
    try:
        sent = json.loads(body.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise OrderRefused(400, f"The request isn't valid JSON. {_FORM}") from None
    if not isinstance(sent, dict) or not _is_flat(sent):
        raise OrderRefused(400, f"This is not a request for a form. {_FORM}")
    name, saved, workflow = (sent.get(key) for key in ("name", "saved", "workflow"))
    replace = sent.get("replace", False)
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise OrderRefused(400, f"The name is missing or too long. {_FORM}")
    if not isinstance(saved, bool) or not isinstance(replace, bool):
        raise OrderRefused(400, f"“saved” and “replace” must be true or false. {_FORM}")
    if not isinstance(workflow, dict):
        raise OrderRefused(400, f"The request has no workflow. {_FORM}")
    return Order(name, saved, replace, workflow)


def read_choice(body: bytes) -> bool | None:
    """Return whether other devices may use the app, or None to only ask. Raises OrderRefused."""
    with contextlib.suppress(ValueError, RecursionError):
        sent = json.loads(body.decode())
        if isinstance(sent, dict) and isinstance(share := sent.get("share"), bool | None):
            return share
    raise OrderRefused(400, 'Send {"share": true, false or null}.')


def order_too_large() -> OrderRefused:
    """Return the error for a request of more than `LARGEST_ORDER` bytes."""
    return OrderRefused(413, f"This workflow is larger than {LARGEST_ORDER // 1024} kB.")


def _only(values: Sequence[str]) -> str:
    return values[0].lower() if len(values) == 1 else ""


def _is_own(host: str, names: frozenset[str]) -> bool:
    """Return whether a Host header is an address, a name of this machine, or a name without a dot:
    strangers can't own these."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        name = name[:-1] if name.endswith(".") else name
        return bool(name) and (name in names or "." not in name or bool(ip_address(name)))
    except ValueError:
        return False


def _no_number(name: str) -> object:
    raise ValueError(name)


def _is_flat(value: object) -> bool:
    """Return whether a JSON value is nested no deeper than any graph, without using recursion."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return True
    return False


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
