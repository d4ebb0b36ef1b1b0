"""Client of ComfyUI-Manager, an extension of ComfyUI that installs node packs.

Its third generation is a node pack with routes below `/manager`; the fourth is a package with
routes below `/v2/manager`, which `--enable-manager` turns on (docs/comfyui.md#61).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from comfy.base.errors import ComfyError, ServerError, ServerUnreachable
from comfy.base.json_values import as_list, as_mapping, as_number, as_text
from comfy.base.messages import message
from comfy.comfyui.client import exchange
from comfy.comfyui.client.client import Client

_ROUTES = ("/v2/manager", "/manager")  # the newer generation first
_MAPPINGS = ("/v2/customnode/getmappings", "/customnode/getmappings")
_INSTALLED = ("/v2/customnode/installed", "/customnode/installed")
_NOT_THERE = (404, 405)
_COUNTS = ("total_count", "done_count", "in_progress_count", "pending_count")
_LONGEST_VERSION = 50
_REFUSED = message("ComfyUI-Manager refused this.")
_ITS_LEVEL = message("Its security level may not allow it. ComfyUI's log has the reason.")


@dataclass(frozen=True, slots=True)
class ManagerQueue:
    """Installations of a Manager since it last began to work: how many there are, how many of them
    are done, and whether it works on one."""

    total: int
    done: int
    is_busy: bool


@dataclass(frozen=True, slots=True)
class Manager:
    """ComfyUI-Manager of a server: its version, its queue, and the `path` of its routes."""

    version: str
    queue: ManagerQueue
    path: str


class ManagerClient(Client):
    """Client of a server's ComfyUI-Manager. Methods raise ServerUnreachable and ServerError."""

    def find(self) -> Manager | None:
        """Return the server's Manager, or None."""
        for path in _ROUTES:
            answer = self._call("GET", f"{path}/version")
            if answer.status in _NOT_THERE:
                continue
            self._check(answer.status)
            version = answer.content.decode(errors="replace").strip()[:_LONGEST_VERSION]
            if "<" not in version:  # a page of something else
                return Manager(version, self._queue(path), path)
        return None

    def packs(self) -> dict[str, str]:
        """Return the node pack of each node class that the Manager knows, by its id in the registry
        or its repository's address; {} without a Manager."""
        for path in _MAPPINGS:
            answer = self._call("GET", f"{path}?mode=local", most=exchange.LONG_ANSWER)
            if answer.status in _NOT_THERE:
                continue
            self._check(answer.status)
            found: dict[str, str] = {}
            for pack, entry in as_mapping(answer.parsed()).items():
                for name in as_list(next(iter(as_list(entry)), ())):
                    if isinstance(name, str):
                        found.setdefault(name, pack)
            return found
        return {}

    def installed(self) -> dict[str, tuple[str, str]]:
        """Return the id or the GitHub repository, and the version, of each node pack that the
        Manager finds in `custom_nodes`, by its folder; {} without a Manager."""
        for path in _INSTALLED:
            answer = self._call("GET", path)
            if answer.status in _NOT_THERE:
                continue
            self._check(answer.status)
            return {
                folder: (as_text(one.get("cnr_id") or one.get("aux_id")), as_text(one.get("ver")))
                for folder, raw in as_mapping(answer.parsed()).items()
                if (one := as_mapping(raw))
            }
        return {}

    def install(self, manager: Manager, pack: str, version: str = "") -> None:
        """Put a pack of the registry into the Manager's queue, and start it. `version`: "" for the
        newest. Raises ComfyError if the Manager refuses."""
        item = {
            "id": pack,
            "version": version or "latest",
            "selected_version": version or "latest",
            "channel": "default",
            "mode": "cache",
            "skip_post_install": False,
            "ui_id": str(uuid.uuid4()),
        }
        if manager.path == _ROUTES[1]:
            self._order(f"{manager.path}/queue/install", item)
        elif not self._queued(manager, item):  # started with --enable-manager-legacy-ui
            answer = self._order(f"{manager.path}/queue/batch", {"install": [item]})
            if as_list(as_mapping(answer).get("failed")):
                raise ComfyError(_REFUSED, _ITS_LEVEL)
            return
        self._command(f"{manager.path}/queue/start")

    def reboot(self, manager: Manager) -> None:
        """Restart ComfyUI. The connection may break before the answer."""
        with suppress(ServerUnreachable):
            self._command(f"{manager.path}/reboot")

    def _queue(self, path: str) -> ManagerQueue:
        told = as_mapping(self._get(f"{path}/queue/status"))
        total, done, active, pending = (int(as_number(told.get(key)) or 0) for key in _COUNTS)
        total = max(total, done + active + pending)  # 4.x doesn't count those that are done
        return ManagerQueue(total, done, told.get("is_processing") is True and done < total)

    def _queued(self, manager: Manager, item: Mapping[str, object]) -> bool:
        """Queue an installation as a task. Return False if this Manager has no tasks."""
        task = {
            "kind": "install",
            "params": item,
            "ui_id": item["ui_id"],
            "client_id": "comfyforms",
        }
        try:
            self._order(f"{manager.path}/queue/task", task)
        except ServerError as problem:
            if problem.status in _NOT_THERE:
                return False
            raise
        return True

    def _order(self, path: str, body: Mapping[str, object]) -> object:
        """Send an order, and return the answer's JSON, None without any. Raises ComfyError if it is
        refused."""
        answer = self._call("POST", path, json=body)
        if answer.status == 403:
            raise ComfyError(_REFUSED, _ITS_LEVEL)
        self._check(answer.status)
        with suppress(ServerError):
            return answer.parsed()
        return None

    def _command(self, path: str) -> None:
        """Send a command without a body. Before 3.40, it was a GET."""
        answer = self._call("POST", path)
        if answer.status == 405:
            answer = self._call("GET", path)
        if answer.status == 403:
            raise ComfyError(_REFUSED, _ITS_LEVEL)
        self._check(answer.status)
