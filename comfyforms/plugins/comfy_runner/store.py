"""Values for workflows that callers have set, in the history's database."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy import ColumnElement, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from comfy.records.people import forget_beyond
from comfy.records.tables import digest, transaction
from comfyforms.plugins.comfy_runner.tables import runner_values as _values

VALUE_BYTES = 64 * 2**20  # for all callers' values
_OVERHEAD = 200  # bytes per value, or per caller without values
_HOUR = 3600.0  # seconds
JsonValues = Mapping[str, Any]  # JSON by field key
_Change = Callable[[JsonValues], JsonValues]


class ValuesTooLarge(Exception):
    """Error for values that exceed the space of all callers."""


class RunnerValueStore:
    """Values by caller and workflow, in bounded space, in the history's database. Callers and
    workflows are digests. Thread-safe. All methods raise ComfyError if the values can't be read or
    stored."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, person: str, workflow: str) -> JsonValues:
        """Return a caller's values for a workflow."""
        which, now = _is_set(person, workflow), time.time()
        with transaction(self._engine) as connection:
            query = select(_values.c.used_at, _values.c.content).where(which)
            found = connection.execute(query).first()
            if found is None:
                return {}
            if found.used_at < now - _HOUR:
                connection.execute(update(_values).where(which).values(used_at=now))
            return _read(found.content)

    def change(self, person: str, workflow: str, change: _Change) -> None:
        """Store the changed values. Concurrent changes wait for each other. Raises
        ValuesTooLarge."""
        which = _is_set(person, workflow)
        used = update(_values).where(which).values(used_at=time.time())
        row = {"person": digest(person), "workflow": digest(workflow), "used_at": 0}
        with transaction(self._engine) as connection:
            # The update locks the row: a concurrent change waits until this one is stored.
            if not connection.execute(used).rowcount:
                with suppress(IntegrityError), connection.begin_nested():
                    connection.execute(insert(_values).values(row | {"content": "{}", "size": 0}))
                connection.execute(used)
            before = connection.execute(select(_values.c.content).where(which)).scalar_one()
            after = change(_read(before))
            text, size = json.dumps(after), _weight(after)
            if size > VALUE_BYTES:
                raise ValuesTooLarge
            connection.execute(update(_values).where(which).values(content=text, size=size))
            forget_beyond(connection, _values, VALUE_BYTES - size, ~which)


def _is_set(person: str, workflow: str) -> ColumnElement[bool]:
    return (_values.c.person == digest(person)) & (_values.c.workflow == digest(workflow))


def _read(text: str) -> JsonValues:
    values: JsonValues = json.loads(text)
    return values


def _weight(values: JsonValues) -> int:
    """Return the approximate size in bytes."""
    return _OVERHEAD * (1 + len(values)) + sum(len(str(one)) for one in values.values())
