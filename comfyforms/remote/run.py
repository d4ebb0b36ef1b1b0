"""Run of a remote app: its progress, and its images at the end."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from comfyforms.remote.calls import RemoteError
from comfyforms.remote.followed import Followed
from comfyforms.remote.notebook import Moment, show_live
from comfyforms.remote.status import RunStatus


class RunFailed(RemoteError):
    """Run that failed or was stopped; `status` is its last status."""

    def __init__(self, status: RunStatus) -> None:
        super().__init__(status.error or status.headline, status.hint)
        self.status = status


class RemoteRun(Followed[RunStatus]):
    """Run of a remote app. Iterating yields each new status up to the last. In a notebook it shows
    its progress, and its images as they arrive."""

    _list = "runs"

    def __repr__(self) -> str:
        return f"<RemoteRun {self.id} {self.status.phase}>"

    def result(self) -> RunStatus:
        """Return its last status after it is done. Raises RunFailed if it has ended otherwise, and
        the errors of iterating."""
        status = self.wait()
        if status.phase != "done":
            raise RunFailed(status)
        return status

    @property
    def images(self) -> list[Image.Image]:
        """Return its images after it is done. Raises the errors of `result`."""
        return [file.image() for file in self.result().files if file.kind == "image"]

    def preview(self) -> Image.Image | None:
        """Return the newest preview, or None."""
        frame = self.preview_data()
        return Image.open(io.BytesIO(frame[1])) if frame else None

    def preview_data(self) -> tuple[str, bytes] | None:
        """Return the preview's bytes with their type: image/jpeg or image/png."""
        return self._calls.preview(self.id)

    def cancel(self) -> None:
        """Stop the run if it is active."""
        self._asked("POST", "/stop")

    def delete(self) -> None:
        """Delete the run and its files. Raises ApiError while it is active."""
        self._calls.json("DELETE", self._url, params={"stop": "false"})

    def show(self) -> None:
        """Show its progress and newest image in a notebook until it has ended, then its images."""
        show_live(map(_moment, self), self.preview_data, lambda: self.status.files)

    def _status_of(self, document: Mapping[str, Any]) -> RunStatus:
        return RunStatus.of(document, self._calls)


def _moment(status: RunStatus) -> Moment:
    text = f"{status.title}: {status.headline}"
    if status.error:
        text = f"{text}. {status.error} {status.hint}".rstrip()
    if status.finished:
        return Moment(text, 1.0)
    return Moment(text, status.progress or 0.0, status.preview)
