"""Copy a dataclass's fields to a document that inherits them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


def inherited(kind: type[Any], value: object) -> dict[str, Any]:
    """Return the values that `value` has for the fields of the dataclass `kind`."""
    return {one.name: getattr(value, one.name) for one in fields(kind)}
