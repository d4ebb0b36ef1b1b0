"""Workflows that people opened for themselves: kept in memory, each for the person who brought it."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import replace

from comfy.errors import WorkflowError
from comfy.form import title_of
from comfy.workflow import Workflow

MARK = "~"  # no file of the folder is called so: its names come from files, this from nobody
KEEP = 20  # workflows a person; the one opened longest ago goes first
BYTES = 512 * 1024 * 1024  # of all files together, likewise


class OpenedWorkflows:
    """Opened workflows by owner and name."""

    def __init__(self, keep: int = KEEP, size: int = BYTES) -> None:
        self._keep = keep
        self._size = size
        self._lock = threading.Lock()
        self._opened: OrderedDict[tuple[str, str], tuple[Workflow, str, bytes]] = OrderedDict()

    def put(self, owner: str, workflow: Workflow, file: str, data: bytes) -> Workflow:
        """Remember a workflow and the file it came in; the answer carries the name it goes by from now on."""
        name = f"{MARK}{hashlib.sha256(data).hexdigest()[:16]}"
        opened = replace(workflow, name=name, title=workflow.title or title_of(workflow.name))
        with self._lock:
            self._opened[owner, name] = (opened, file, data)
            self._opened.move_to_end((owner, name))
            own = [key for key in self._opened if key[0] == owner]
            for key in own[: -self._keep]:
                del self._opened[key]
            while sum(len(file[2]) for file in self._opened.values()) > self._size and len(self._opened) > 1:
                self._opened.popitem(last=False)
        return opened

    def get(self, owner: str, name: str) -> Workflow:
        """The workflow this person opened under that name. WorkflowError when it is gone or somebody else's."""
        return self._find(owner, name)[0]

    def file(self, owner: str, name: str) -> tuple[str, bytes]:
        """The file it came in: its name and its bytes. WorkflowError as for `get`."""
        _, file, data = self._find(owner, name)
        return file, data

    def _find(self, owner: str, name: str) -> tuple[Workflow, str, bytes]:
        with self._lock:
            found = self._opened.get((owner, name))
        if found is None:
            raise WorkflowError("This workflow is no longer open here.", "Open its file again.")
        return found
