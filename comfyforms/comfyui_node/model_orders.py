"""Requests for downloads, as JSON. Imports nothing from ComfyUI or the app."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .downloads.journal import DownloadOrder
from .downloads.problems import DownloadRefused
from .downloads.queue import Downloads

DOWNLOADS = "/comfyforms/downloads"

_MOST = 100  # files of a request
_LONGEST = 4000  # characters


def answer_order(downloads: Downloads, method: str, path: str, body: bytes) -> dict[str, Any]:
    """Carry out a request and return its answer. Raises DownloadProblem; LookupError for an unknown
    address.

    | request, below /comfyforms/downloads | body | answer |
    |---|---|---|
    | GET | | `{"downloads": […]}` |
    | POST | `{"orders": […]}` | the same |
    | POST /facts | `{"urls": […], "hosts": […], "token": ""}` | `{"files": […]}` |
    | POST /ID/pause, or /ID/resume | `{"token": ""}` | the same as GET |
    | DELETE /ID | | the same as GET |
    """
    sent = _object(body)
    parts = path.removeprefix(DOWNLOADS).strip("/").split("/")
    match method, parts:
        case "GET", [""]:
            pass
        case "POST", [""]:
            for order in [_order(one) for one in _list(sent, "orders")]:
                downloads.start(order)
        case "POST", ["facts"]:
            urls = [_text(url) for url in _list(sent, "urls")]
            hosts = [_text(host) for host in _list(sent, "hosts")]
            files = downloads.facts(urls, hosts, _text(sent.get("token", "")))
            return {"files": [asdict(file) for file in files]}
        case "POST", [key, "pause" | "resume" as change]:
            downloads.change(key, change, _text(sent.get("token", "")))
        case "DELETE", [key] if key:
            downloads.change(key, "remove")
        case _:
            raise LookupError(path)
    return {"downloads": [asdict(one) for one in downloads.statuses()]}


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        sent = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        raise DownloadRefused("The request isn't valid JSON.") from None
    if not isinstance(sent, dict):
        raise DownloadRefused("The request isn't a JSON object.")
    return sent


def _list(sent: Mapping[str, Any], name: str) -> list[Any]:
    values = sent.get(name, [])
    if not isinstance(values, list) or len(values) > _MOST:
        raise DownloadRefused(f"“{name}” must be a list of at most {_MOST} values.")
    return values


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise DownloadRefused("A value isn't a text, or it is too long.")
    return value


def _order(sent: object) -> DownloadOrder:
    if not isinstance(sent, dict):
        raise DownloadRefused("An order must be a JSON object.")
    texts = {
        name: _text(sent.get(name, "")) for name in ("url", "folder", "name", "sha256", "token")
    }
    hosts = tuple(_text(host) for host in _list(sent, "hosts"))
    return DownloadOrder(hosts=hosts, **texts)
