"""Runs, batches and chains of a remote app, followed to their end."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from comfyforms.remote.calls import ApiError, AppUnreachable, Calls

_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # seconds before an app that is away is asked again
_AWAY = frozenset({502, 503, 504})  # what a proxy answers for an app that is away
_PAUSE = 1.0  # seconds before one is that has ended a stream early, as an app that ends does


class FollowedStatus(Protocol):
    """One of them at one moment."""

    @property
    def id(self) -> str:
        """By which it is found again."""

    @property
    def rests(self) -> bool:
        """Nothing more becomes of it by itself."""


AnyStatus = TypeVar("AnyStatus", bound=FollowedStatus)


class Followed(ABC, Generic[AnyStatus]):
    """One of them. Iterated, it tells each newer status up to the last; in a notebook it shows how
    far it is."""

    _list: ClassVar[str]  # the address below which it is found

    def __init__(self, calls: Calls, told: Mapping[str, Any]) -> None:
        self._calls = calls
        # not the reported URL: the app may have another address there
        self._url = f"/{self._list}/{told['id']}"
        self.status = self._status_of(told)
        """The newest that is known."""

    @property
    def id(self) -> str:
        """By which it is found again."""
        return self.status.id

    def __iter__(self) -> Iterator[AnyStatus]:
        """Each newer status, at once and up to the last. An app that is away for half a minute is
        waited for, also where a proxy answers in its place. ApiError, AppUnreachable."""
        known, tries = "", 0
        while True:
            try:
                with closing(self._calls.events(f"{self._url}/events", known)) as events:
                    for event_id, told in events:
                        known, tries = event_id, 0
                        self.status = self._status_of(told)
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
        """Its last status, however it has ended; raises as iterating does."""
        if not self.status.rests:
            for _ in self:
                pass
        return self.status

    @abstractmethod
    def show(self) -> None:
        """In a notebook: how far it is and its newest image until it has ended, then its images."""

    def _ipython_display_(self) -> None:
        self.show()

    @abstractmethod
    def _status_of(self, told: Mapping[str, Any]) -> AnyStatus:
        """Return the app's answer as a value."""

    def _asked(self, method: str, path: str = "", **more: Any) -> AnyStatus:
        """Its status, as a request at its address or below that is answered."""
        self.status = self._status_of(self._calls.json(method, f"{self._url}{path}", **more))
        return self.status
