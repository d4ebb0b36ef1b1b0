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
KEEP = 200  # workflows in all; the one opened longest ago goes first


class OpenedWorkflows:
    """Opened workflows by owner and name."""

    def __init__(self, keep: int = KEEP) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._opened: OrderedDict[tuple[str, str], tuple[Workflow, str, bytes]] = OrderedDict()

    def put(self, owner: str, workflow: Workflow, file: str, data: bytes) -> Workflow:
        """Remember a workflow and the file it came in; the answer carries the name it goes by from now on."""
        name = f"{MARK}{hashlib.sha256(data).hexdigest()[:16]}"
        opened = replace(workflow, name=name, title=workflow.title or title_of(workflow.name))
        with self._lock:
            self._opened[owner, name] = (opened, file, data)
            self._opened.move_to_end((owner, name))
            while len(self._opened) > self._keep:
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
