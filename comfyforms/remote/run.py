"""A run of an app elsewhere: followed as it goes on, with its images at the end."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from typing import Any

import requests
from PIL import Image

from comfyforms.remote.calls import ApiError, AppUnreachable, Calls, RemoteError, reading
from comfyforms.remote.notebook import show_live
from comfyforms.remote.status import RunStatus

_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # seconds before the app is asked again


class RunFailed(RemoteError):
    """A run has not ended well; `status` is its last."""

    def __init__(self, status: RunStatus) -> None:
        super().__init__(status.error or status.headline, status.hint)
        self.status = status


class RemoteRun:
    """One run. Iterated, it tells each newer status up to the last; in a notebook it shows how far
    it is, and its images as they come."""

    def __init__(self, calls: Calls, told: dict[str, Any]) -> None:
        self.status = RunStatus.of(told, calls)
        """The newest that is known."""
        self._calls = calls
        self._url = str(told["url"])

    @property
    def id(self) -> str:
        """By which it is found again."""
        return self.status.id

    def __repr__(self) -> str:
        return f"<RemoteRun {self.id} {self.status.phase}>"

    def __iter__(self) -> Iterator[RunStatus]:
        """Each newer status, at once and up to the last. An app that is away for half a minute is
        waited for. ApiError, AppUnreachable."""
        known, tries = "", 0
        while True:
            try:
                for event_id, told in self._events(known):
                    known, tries = event_id, 0
                    self.status = RunStatus.of(told, self._calls)
                    yield self.status
            except AppUnreachable:
                if tries == len(_PAUSES):
                    raise
                time.sleep(_PAUSES[tries])
                tries += 1
            if self.status.finished:
                return

    def wait(self) -> RunStatus:
        """Its last status, however it has ended; raises as iterating does."""
        if not self.status.finished:
            for _ in self:
                pass
        return self.status

    def result(self) -> RunStatus:
        """Its last status once it is done; RunFailed where it has ended in another way. Else raises
        as iterating does."""
        status = self.wait()
        if status.phase != "done":
            raise RunFailed(status)
        return status

    @property
    def images(self) -> list[Image.Image]:
        """The images that it has made, once it is done; raises as `result`."""
        return [file.image() for file in self.result().files if file.kind == "image"]

    def preview(self) -> Image.Image | None:
        """The newest image of the work so far; None while there is none."""
        found = self.preview_data()
        return Image.open(io.BytesIO(found[1])) if found else None

    def preview_data(self) -> tuple[str, bytes] | None:
        """The same as it came, with its type: image/jpeg or image/png."""
        try:
            return self._calls.content(f"{self._url}/preview")
        except ApiError as problem:
            if problem.status == 404:
                return None
            raise

    def cancel(self) -> None:
        """Stop it, if it goes on."""
        if not self._refreshed().finished:
            self._calls.json("DELETE", self._url)

    def delete(self) -> None:
        """Remove it and its files; ApiError where it goes on."""
        if self._refreshed().finished:
            self._calls.json("DELETE", self._url)

    def show(self) -> None:
        """In a notebook: how far it is and its newest image until it has ended, then its images."""
        show_live(self, self.preview_data)

    def _ipython_display_(self) -> None:
        self.show()

    def _refreshed(self) -> RunStatus:
        self.status = RunStatus.of(self._calls.json("GET", self._url), self._calls)
        return self.status

    def _events(self, known: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The events after the one with the id `known`, with their ids; none where that was the
        last."""
        headers = {"last-event-id": known} if known else {}
        with self._calls.answer("GET", f"{self._url}/events", headers, stream=True) as answer:
            event_id = ""
            for line in _lines(answer):
                name, _, value = line.partition(": ")
                if name == "id":
                    event_id = value
                elif name == "data":
                    yield event_id, json.loads(value)


def _lines(answer: requests.Response) -> Iterator[str]:
    with reading():
        yield from answer.iter_lines(decode_unicode=True)
