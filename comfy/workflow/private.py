"""Workflows that people opened for themselves: kept in memory, each for the person who brought
it."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from comfy.errors import WorkflowError
from comfy.json_values import levels
from comfy.messages import message
from comfy.quota import Use, to_remove
from comfy.workflow.model import Workflow, title_from_name

MARK = "~"  # no file of the folder is called so: its names come from files, this from nobody
_KEEP = 20  # workflows a person; the one opened longest ago goes first
_BYTES = 128 * 1024 * 1024  # of everything together; the oldest of whoever has most goes first
LARGEST = (
    32 * 1024 * 1024
)  # bytes that one workflow may take beside its file; the largest graph seen takes 4 MB
_VALUE = 100  # bytes of memory that a value, a list or an object takes beside the text in it


@dataclass(frozen=True, slots=True)
class _Opened:
    sharing: str
    workflow: Workflow
    file: str
    data: bytes = field(repr=False)
    size: int
    is_kept: bool = False


class PrivateWorkflows:
    """Opened workflows by owner and name."""

    def __init__(self, keep: int = _KEEP, size: int = _BYTES) -> None:
        self._keep = keep
        self._size = size
        self._lock = threading.Lock()
        self._opened: OrderedDict[tuple[str, str], _Opened] = OrderedDict()

    def put(
        self, owner: str, workflow: Workflow, file: str, data: bytes, *, address: str = ""
    ) -> Workflow:
        """Remember a workflow and the file it came in; the answer carries the name it goes by from
        now on.

        address: where an owner without a login is, and who else may be the same person.

        WorkflowError where it is too large to be remembered.
        """
        taken = weight(workflow.prompt) + weight(workflow.graph)
        if taken > LARGEST:
            raise WorkflowError(
                message("This workflow has more parts than can be opened here."),
                message("Open a smaller one."),
            )
        name = f"{MARK}{hashlib.sha256(data).hexdigest()[:16]}"
        opened = replace(
            workflow, name=name, title=workflow.title or title_from_name(workflow.name)
        )
        with self._lock:
            self._opened[owner, name] = _Opened(
                address or owner, opened, file, data, taken + len(data)
            )
            self._opened.move_to_end((owner, name))
            own = [key for key in self._opened if key[0] == owner]
            for key in own[: -self._keep]:
                del self._opened[key]
            keys = list(self._opened)
            uses = [
                Use(str(at), one.sharing, keys[at] != (owner, name), str(at), one.size)
                for at, one in enumerate(self._opened.values())
            ]
            for at in to_remove(uses, self._size):
                del self._opened[keys[int(at)]]
        return opened

    def get(self, owner: str, name: str) -> Workflow:
        """The workflow this person opened under that name. WorkflowError when it is gone or
        somebody else's."""
        return self._find(owner, name).workflow

    def opened_by(self, owner: str) -> tuple[Workflow, ...]:
        """What this person has opened and not added to the shared ones, the newest first."""
        with self._lock:
            return tuple(
                one.workflow
                for key, one in reversed(self._opened.items())
                if key[0] == owner and not one.is_kept
            )

    def note_kept(self, owner: str, name: str) -> None:
        """It is among the shared workflows now: listed there, and here only for whoever names it,
        as runs of before do."""
        with self._lock:
            if found := self._opened.get((owner, name)):
                self._opened[owner, name] = replace(found, is_kept=True)

    def forget(self, owner: str, name: str) -> None:
        """Forget what this person opened. WorkflowError as for `get`."""
        self._find(owner, name)
        with self._lock:
            self._opened.pop((owner, name), None)

    def file(self, owner: str, name: str) -> tuple[str, bytes]:
        """The file it came in: its name and its bytes. WorkflowError as for `get`."""
        found = self._find(owner, name)
        return found.file, found.data

    def _find(self, owner: str, name: str) -> _Opened:
        with self._lock:
            found = self._opened.get((owner, name))
        if found is None:
            raise WorkflowError(
                message("This workflow isn't available here."),
                message(
                    "Open its file again. If someone sent you this link, ask them for the"
                    " file, or to add it to the shared workflows."
                ),
            )
        return found


def weight(value: object) -> int:
    """About how many bytes of memory a JSON value takes."""
    return sum(
        _VALUE * len(level) + sum(len(one) for one in level if isinstance(one, str))
        for level in levels(value)
    )
