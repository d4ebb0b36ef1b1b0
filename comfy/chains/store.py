"""Read and write the values of a chain: JSON in the `groups` table, files in the blob store."""

from __future__ import annotations

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.chains.keys import ChainValues, StepKey, parse_values, text_values
from comfy.launch.kept_uploads import kept_uploads, values_from_json, values_to_json
from comfy.launch.uploads import Upload
from comfy.records.blobs import BlobStore
from comfy.records.database import Within, no_more
from comfy.records.groups import Group, GroupTooLarge
from comfy.records.store import RunStore


def save_chain(
    history: RunStore, blobs: BlobStore, group: Group, values: ChainValues, within: Within = no_more
) -> None:
    """Store a chain with copies of the files among its values, or replace it.

    Raises ComfyError if the values or files are too large; the stored chain is then unchanged.
    """
    texts = text_values(values)
    uploads = {key: value for key, value in texts.items() if isinstance(value, Upload)}
    with kept_uploads(blobs, history, uploads) as kept:
        content = {"values": values_to_json({**texts, **kept})}
        try:
            digests = {file.digest for file in kept.values()}
            history.groups.put(group, content, digests, within)
        except GroupTooLarge as error:
            raise ComfyError(
                message("This is too large to save."),
                message("Shorten a text."),
            ) from error


def load_chain_values(history: RunStore, chain_id: str, owner: str) -> dict[StepKey, object]:
    """Return the values of an owner's chain; files are `KeptUpload`s."""
    content = history.groups.content(chain_id, owner) or {}
    return parse_values(values_from_json(content.get("values", {})))
