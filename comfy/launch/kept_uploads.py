"""Users' files, stored before a record refers to them, and values with these files as JSON for the
database."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.form.seeds import CountUp
from comfy.launch.uploads import KeptUpload, Upload
from comfy.records.blobs import BlobStore
from comfy.records.record import KeptInput
from comfy.records.store import RunStore

_Key = TypeVar("_Key")


@contextmanager
def kept_uploads(
    blobs: BlobStore, history: RunStore | None, uploads: Mapping[str, Upload]
) -> Iterator[dict[str, KeptUpload]]:
    """Store these files and yield the stored uploads.

    After the block, files that a record refers to remain. If the block raises, unreferenced files
    are deleted.
    """
    holder = secrets.token_hex(8)
    kept: dict[str, KeptUpload] = {}
    try:
        for key, upload in uploads.items():
            digest, _ = blobs.add(upload.chunks(), holder=holder)
            kept[key] = KeptUpload(upload.name, digest, upload.below, upload.result, upload.made_by)
        yield kept
    except BaseException:
        blobs.release(holder)
        if history is not None:
            history.remove_unreferenced(one.digest for one in kept.values())
        raise
    blobs.release(holder)


def kept_as_given(values: Mapping[_Key, object], blobs: BlobStore) -> dict[_Key, object]:
    """Return values with stored files as uploads. Raises ComfyError if a file was deleted."""
    return {key: _as_upload(one, blobs) for key, one in values.items()}


def _as_upload(value: object, blobs: BlobStore) -> object:
    match value:
        case (
            KeptUpload(name=name, digest=digest, below=below, made_by=made_by)
            | KeptInput(name=name, digest=digest, below=below, made_by=made_by)
        ):
            path = blobs.path(digest)
            if path is None:
                raise ComfyError(message("{name} is no longer available.", name=name))
            return Upload(name, path, below, made_by=made_by)
    return value


def values_to_json(values: Mapping[str, object]) -> dict[str, Any]:
    """Return the values as JSON by key. Raises TypeError for values that JSON can't represent, such
    as files that aren't stored."""
    return {key: value_to_json(value) for key, value in values.items()}


def values_from_json(payload: Mapping[str, Any]) -> dict[str, object]:
    """Return the values from their JSON."""
    return {key: value_from_json(value) for key, value in payload.items()}


def value_to_json(value: object) -> object:
    """Return a value as JSON. A stored file becomes its name, digests and run; a seed that counts
    up becomes its last or first number. Raises TypeError."""
    match value:
        case KeptUpload(name, digest, below, made_by=made_by):
            more = {"made_by": made_by} if made_by else {}
            return {"file": [name, digest], "below": below, **more}
        case CountUp(last, is_used, step):
            return {"after" if is_used else "from": last} | ({} if step == 1 else {"step": step})
        case dict():
            return {"value": value}
        case None | str() | int() | float() | list() | tuple():
            return value
    raise TypeError(f"{type(value).__name__} can't be serialized")


def value_from_json(payload: object) -> object:
    """Return a value from its JSON."""
    match payload:
        case {"file": [str(name), str(digest)], **more}:
            below, made_by = (str(more.get(key, "")) for key in ("below", "made_by"))
            return KeptUpload(name, digest, below, made_by=made_by)
        case {"after": int(last), **more}:
            return CountUp(last, step=-1 if more.get("step") == -1 else 1)
        case {"from": int(first), **more}:
            return CountUp(first, is_used=False, step=-1 if more.get("step") == -1 else 1)
        case {"value": value}:
            return value
    return payload
