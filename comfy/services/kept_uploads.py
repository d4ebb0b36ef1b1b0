"""Files that people give, kept before there is anything on record that has them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

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
