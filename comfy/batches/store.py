"""Read and write the content of a batch: JSON in the `groups` table, files in the blob store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy.base.errors import BatchNotFound, ComfyError
from comfy.base.messages import message, message_from_json, message_to_json
from comfy.batches.content import BatchContent, Column, values_of_all, with_other_values
from comfy.batches.table import Row
from comfy.launch.kept_uploads import (
    kept_uploads,
    value_from_json,
    value_to_json,
    values_from_json,
    values_to_json,
)
from comfy.launch.uploads import Upload
from comfy.records.blobs import BlobStore
from comfy.records.database import Within
from comfy.records.groups import Group, GroupTooLarge
from comfy.records.store import RunStore


def save_new_batch(
    history: RunStore, blobs: BlobStore, group: Group, content: BatchContent, within: Within
) -> BatchContent:
    """Store a new batch with copies of the files among its values, and return it with the copies.

    Raises ComfyError if the batch or its files are too large.
    """
    uploads = {str(id(one)): one for one in values_of_all(content) if isinstance(one, Upload)}
    with kept_uploads(blobs, history, uploads) as files:
        kept = with_other_values(content, lambda value: files.get(str(id(value)), value))
        digests = {file.digest for file in files.values()}
        try:
            history.groups.put(group, _content_to_json(kept), digests, within)
        except GroupTooLarge as error:
            raise ComfyError(
                message("This is too large to save."), message("Split it into smaller ones.")
            ) from error
    return kept


def load_batch(history: RunStore, batch_id: str, owner: str) -> BatchContent:
    """Return the content of an owner's batch. Raises BatchNotFound if it can't be read."""
    document = history.groups.content(batch_id, owner)
    try:
        return _content_from_json(document or {})
    except (KeyError, TypeError, ValueError) as error:
        raise BatchNotFound(message("This batch no longer exists.")) from error


def _content_to_json(content: BatchContent) -> dict[str, Any]:
    """Convert content to JSON values. Raises TypeError for a file that isn't in the blob store."""
    return {
        "base": values_to_json(content.base),
        "columns": [[one.key, message_to_json(one.label)] for one in content.columns],
        "table": [[row.number, values_to_json(row.values)] for row in content.table],
        "axes": [
            [one.key, message_to_json(one.label), [*map(value_to_json, one.values)], one.find]
            for one in content.axes
        ],
        "paired": content.paired,
        "redraws": content.redraws,
    }


def _content_from_json(document: Mapping[str, Any]) -> BatchContent:
    """Invert `_content_to_json`. Raises KeyError, TypeError or ValueError for other values."""
    return BatchContent(
        values_from_json(document["base"]),
        tuple(Column(key, _label(label)) for key, label in document["columns"]),
        tuple(Row(number, values_from_json(values)) for number, values in document["table"]),
        tuple(
            Column(key, _label(label), tuple(map(value_from_json, values)), find)
            for key, label, values, find in document["axes"]
        ),
        bool(document["paired"]),
        bool(document["redraws"]),
    )


def _label(label: object) -> str:
    return str(message_from_json(label))
