"""Storage that a user's results take."""

from __future__ import annotations

from dataclasses import dataclass

from comfy.records.store import StorageUse


@dataclass(frozen=True, slots=True)
class StorageDoc:
    """A user's storage. `bytes`: of their results, inputs and records. `days`: how long results are
    stored, null for no end; favorites stay longer. `expiring`: the number of results that are
    deleted soon, all of them by `expire_by`, in seconds since 1970. `nearly_full`: the storage of
    all users is nearly full, so that the oldest results are deleted earlier."""

    bytes: float = 0
    days: float | None = None
    expiring: int = 0
    expire_by: float | None = None
    nearly_full: bool = False


def storage_doc(use: StorageUse) -> StorageDoc:
    """Return the document of a user's storage."""
    return StorageDoc(use.bytes, use.days, use.expiring, use.expire_by, use.is_nearly_full)
