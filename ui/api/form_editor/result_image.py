"""Images of results, small enough for a cover."""

from __future__ import annotations

from comfy.base.errors import RunNotFound, WorkflowError
from comfy.base.messages import message
from comfy.media.checks import MIB
from comfy.media.thumbnails import image_within
from ui.files.copies import FileCopies


def result_image(copies: FileCopies, owner: str, run: str, index: int) -> bytes:
    """Return a WebP of an image from a user's run. Raises RunNotFound if it doesn't exist, and
    WorkflowError for other files."""
    record = copies.runs.record(run, owner)
    if not 0 <= index < len(record.state.files):
        raise RunNotFound
    path = copies.uploads.find(owner, copies.of_result(record, index))
    if path is None:
        raise RunNotFound
    with path.open("rb") as file, copies.blobs.turns.turn_of(owner):
        image = image_within(file, 2 * MIB)
    if image is None:
        raise WorkflowError(
            message("This file can't be a cover."), message("Choose a result that is an image.")
        )
    return image
