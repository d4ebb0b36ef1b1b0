"""Runs, batches and chains of a remote app, followed to their end."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from comfyforms.remote.calls import ApiError, AppUnreachable, Calls

_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # seconds between retries while an app is away
_AWAY = frozenset({502, 503, 504})  # statuses from a proxy whose app is away
_PAUSE = 1.0  # seconds before reconnecting to an app that ended a stream early, as at shutdown


class FollowedStatus(Protocol):
    """Status of a run, batch or chain at one moment."""

    @property
    def id(self) -> str:
        """Return the ID of the run, batch or chain."""

    @property
    def rests(self) -> bool:
        """Return whether it no longer changes by itself."""


AnyStatus = TypeVar("AnyStatus", bound=FollowedStatus)


class Followed(ABC, Generic[AnyStatus]):
    """Run, batch or chain of a remote app. Iterating yields each new status up to the last. In a
    notebook it shows its progress."""

    _list: ClassVar[str]  # path of its list

    def __init__(self, calls: Calls, document: Mapping[str, Any]) -> None:
        self._calls = calls
        # not the reported URL: the app may have another address there
        self._url = f"/{self._list}/{document['id']}"
        self.status = self._status_of(document)
        """The latest known status."""

    @property
    def id(self) -> str:
        """Return its ID."""
        return self.status.id

    def __iter__(self) -> Iterator[AnyStatus]:
        """Yield each new status, starting with the current one, up to the last. Waits half a minute
        for an app that is away, even if a proxy answers in its place. Raises ApiError,
        AppUnreachable."""
        known, tries = "", 0
        while True:
            try:
                with closing(self._calls.events(f"{self._url}/events", known)) as events:
                    for event_id, document in events:
                        known, tries = event_id, 0
                        self.status = self._status_of(document)
                        yield self.status
                        if self.status.rests:
                            return
                pause, tries = _PAUSE, 0
            except (AppUnreachable, ApiError) as problem:
                is_away = not isinstance(problem, ApiError) or problem.status in _AWAY
                if not is_away or tries == len(_PAUSES):
                    raise
                pause, tries = _PAUSES[tries], tries + 1
            if self.status.rests:
                return
            time.sleep(pause)

    def wait(self) -> AnyStatus:
        """Return its last status, however it has ended. Raises the errors of iterating."""
        if not self.status.rests:
            for _ in self:
                pass
        return self.status

    @abstractmethod
    def show(self) -> None:
        """Show its progress and newest image in a notebook until it has ended, then its images."""

    def _ipython_display_(self) -> None:
        self.show()

    @abstractmethod
    def _status_of(self, document: Mapping[str, Any]) -> AnyStatus:
        """Return the app's answer as a value."""

    def _asked(self, method: str, path: str = "", **more: Any) -> AnyStatus:
        """Send a request to its URL or below, and return the status in the response."""
        self.status = self._status_of(self._calls.json(method, f"{self._url}{path}", **more))
        return self.status
