"""Files that people give, kept before there is anything on record that has them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from comfy.errors import ComfyError
from comfy.messages import message
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from comfy.services.uploads import Upload


@contextmanager
def kept_uploads(
    blobs: BlobStore, history: RunStore | None, uploads: Mapping[str, Upload]
) -> Iterator[dict[str, str]]:
    """The digests of these files, of which copies are kept.

    They stay if something with them is on record at the end of the block, and go if it raises.
    """
    holder = secrets.token_hex(8)
    digests: dict[str, str] = {}
    try:
        for key, upload in uploads.items():
            digests[key], _ = blobs.add(upload.chunks(), holder=holder)
        yield digests
    except BaseException:
        blobs.release(holder)
        if history is not None:
            history.remove_unreferenced(digests.values())
        raise
    blobs.release(holder)


def values_to_json(values: Mapping[str, object], digests: Mapping[str, str]) -> dict[str, Any]:
    """Values by key as they are written; of files their names and `digests`."""
    return {
        key: {"file": [one.name, digests[key]]} if isinstance(one, Upload) else {"value": one}
        for key, one in values.items()
    }


def values_from_json(told: Mapping[str, object], blobs: BlobStore) -> dict[str, object]:
    """Those values again. ComfyError where a file is gone."""
    values: dict[str, object] = {}
    for key, one in told.items():
        match one:
            case {"file": [str(name), str(digest)]}:
                path = blobs.path(digest)
                if path is None:
                    raise ComfyError(message("{file} is no longer here.", file=name))
                values[key] = Upload(name, path)
            case {"value": value}:
                values[key] = value
    return values
