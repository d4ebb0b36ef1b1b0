"""Client for the downloads of the custom node in a ComfyUI server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_dicts, as_mapping, as_text
from comfy.comfyui.client.client import Client
from comfyforms.comfyui_node.downloads.journal import DownloadOrder
from comfyforms.comfyui_node.downloads.problems import DownloadProblem
from comfyforms.comfyui_node.downloads.queue import DOWNLOAD_ID, DownloadStatus, FileAnswer
from comfyforms.comfyui_node.model_orders import DOWNLOADS
from comfyforms.comfyui_node.signing import signed_headers

_SECONDS = 60.0  # removing a download waits for its thread, and hosts may be slow
_LONGEST = 1000  # characters of a text from the server


class NoDownloads(ComfyError):
    """Error for a server without the custom node, or with another secret."""


class NodeDownloads:
    """Downloads of one server. It has the methods of `Downloads` that the app uses. All raise
    ServerUnreachable, NoDownloads, and DownloadProblem if the node refuses a request."""

    def __init__(self, client: Client, secret: str) -> None:
        self._client = client
        self._secret = secret

    def statuses(self) -> tuple[DownloadStatus, ...]:
        """Return the state of all downloads."""
        return _statuses(self._ask("GET", ""))

    def start(self, order: DownloadOrder) -> None:
        """Start a download, or continue the one of the same file."""
        self._ask("POST", "", {"orders": [asdict(order)]})

    def pause(self, key: str) -> None:
        """Pause a download."""
        self._ask("POST", f"/{quote(key, safe='')}/pause", {})

    def resume(self, key: str, token: str) -> None:
        """Continue a paused download, or retry a failed one."""
        self._ask("POST", f"/{quote(key, safe='')}/resume", {"token": token})

    def remove(self, key: str) -> None:
        """Cancel a download, or remove an ended one from the list."""
        self._ask("DELETE", f"/{quote(key, safe='')}")

    def facts(self, urls: Sequence[str], hosts: Sequence[str], token: str) -> list[FileAnswer]:
        """Ask the hosts for the sizes of files."""
        sent = {"urls": list(urls), "hosts": list(hosts), "token": token}
        answer = self._ask("POST", "/facts", sent)
        return [
            FileAnswer(_text(one, "url"), _count(one.get("size")), _text(one, "problem"))
            for one in as_dicts(answer.get("files"))
        ]

    def _ask(
        self, method: str, below: str, sent: Mapping[str, object] | None = None
    ) -> Mapping[str, Any]:
        path = f"{DOWNLOADS}{below}"
        body = b"" if sent is None else json.dumps(sent).encode()
        signed = signed_headers(self._secret, method, path, body)
        answer = self._client.ask_node(
            method,
            path,
            data=body,
            headers={"Content-Type": "application/json", **signed},
            timeout=_SECONDS,
        )
        if answer.ok:
            return as_mapping(answer.json())
        problem = _problem(answer.content)
        if answer.status == 400 and problem:
            raise DownloadProblem(problem)
        if answer.status == 403 and problem:
            raise NoDownloads(
                f"The custom node of {self._client.address.place} refuses this app: {problem}",
                "Set COMFYFORMS_NODE_SECRET to the same value in both environments.",
            )
        raise NoDownloads(
            f"{self._client.address.place} can't download models.",
            "Install the custom node there, and set COMFYFORMS_NODE_SECRET in its environment.",
        )


def _problem(content: bytes) -> str:
    try:
        return _text(as_mapping(json.loads(content)), "error")
    except (ValueError, RecursionError):
        return ""


def _statuses(answer: Mapping[str, Any]) -> tuple[DownloadStatus, ...]:
    """Read the downloads in an answer. A server can send anything. Ids become part of addresses, so
    downloads with an invalid one are dropped."""
    return tuple(
        DownloadStatus(
            id=_text(one, "id"),
            folder=_text(one, "folder"),
            name=_text(one, "name"),
            url=_text(one, "url"),
            state=_text(one, "state"),
            received=_count(one.get("received")) or 0,
            size=_count(one.get("size")),
            speed=float(_count(one.get("speed")) or 0),
            problem=_text(one, "problem"),
        )
        for one in as_dicts(answer.get("downloads"))
        if DOWNLOAD_ID.fullmatch(_text(one, "id"))
    )


def _text(one: Mapping[str, Any], name: str) -> str:
    return as_text(one.get(name))[:_LONGEST]


def _count(value: object) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < 2**53 else None  # type: ignore[operator, call-overload]
