"""How long runs have taken, for those who wait for the next one."""

from __future__ import annotations

import statistics
import threading
from collections import OrderedDict, deque

_WORKFLOWS = 200
_OF_A_WORKFLOW = 5
_OF_ALL = 20


class Durations:
    """The last ones of each workflow and of all, in seconds. For any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_workflow: OrderedDict[str, deque[float]] = OrderedDict()
        self._last: deque[float] = deque(maxlen=_OF_ALL)

    def add(self, workflow: str, seconds: float) -> None:
        """A run of this workflow is done."""
        with self._lock:
            own = self._by_workflow.setdefault(workflow, deque(maxlen=_OF_A_WORKFLOW))
            own.append(seconds)
            self._last.append(seconds)
            self._by_workflow.move_to_end(workflow)
            if len(self._by_workflow) > _WORKFLOWS:
                self._by_workflow.popitem(last=False)

    def of(self, workflow: str) -> float | None:
        """What is to be expected of a run of this workflow; None while there was none."""
        with self._lock:
            own = self._by_workflow.get(workflow)
            return statistics.median(own) if own else None

    @property
    def typical(self) -> float | None:
        """What is to be expected of a run of any workflow; None while there was none."""
        with self._lock:
            return statistics.fmean(self._last) if self._last else None
