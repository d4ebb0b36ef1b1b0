"""Values that callers of comfy_runner's routes have set for workflows, as JSON."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from cachetools import LRUCache
from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from comfy.records.tables import as_comfy_errors, digest
from comfy.records.tables import runner_values as _values

VALUE_BYTES = 64 * 2**20  # for all callers' values; the ones used longest ago are dropped first
_OVERHEAD = 200  # bytes per value, or per caller without values
_HOUR = 3600.0  # seconds
_KEPT = 30 * 24 * _HOUR  # seconds since the last use

JsonValues = Mapping[str, Any]  # JSON by field key
_Change = Callable[[JsonValues], JsonValues]


class ValuesTooLarge(Exception):
    """Error for values that exceed the space of all callers."""


class RunnerValues(Protocol):
    """Values by caller and workflow, in bounded space. Thread-safe.

    All methods raise ComfyError if the values can't be read or stored.
    """

    def of(self, person: str, workflow: str) -> JsonValues:
        """Return a caller's values for a workflow."""

    def change(self, person: str, workflow: str, change: _Change) -> None:
        """Store the changed values. Concurrent changes wait for each other. Raises
        ValuesTooLarge."""


class RunnerValueStore:
    """Values in the history's database. Callers and workflows are digests; see `RunnerValues`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, person: str, workflow: str) -> JsonValues:
        """See `RunnerValues.of`."""
        which, now = _is(person, workflow), time.time()
        with as_comfy_errors(), self._engine.begin() as connection:
            query = select(_values.c.used_at, _values.c.content).where(which)
            found = connection.execute(query).first()
            if found is None:
                return {}
            if found.used_at < now - _HOUR:
                connection.execute(update(_values).where(which).values(used_at=now))
            return _read(found.content)

    def change(self, person: str, workflow: str, change: _Change) -> None:
        """See `RunnerValues.change`."""
        which = _is(person, workflow)
        used = update(_values).where(which).values(used_at=time.time())
        row = {"person": digest(person), "workflow": digest(workflow), "used_at": 0}
        with as_comfy_errors(), self._engine.begin() as connection:
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
            _make_room(connection, which)

    def sweep(self) -> None:
        """Delete values that were unused for too long."""
        old = delete(_values).where(_values.c.used_at < time.time() - _KEPT)
        with as_comfy_errors(), self._engine.begin() as connection:
            connection.execute(old)


class RunnerValuesInMemory:
    """Values in memory, for apps without a history; see `RunnerValues`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values = LRUCache[tuple[str, str], JsonValues](VALUE_BYTES, getsizeof=_weight)

    def of(self, person: str, workflow: str) -> JsonValues:
        """See `RunnerValues.of`."""
        with self._lock:
            values: JsonValues = self._values.get((person, workflow), {})
            return values

    def change(self, person: str, workflow: str, change: _Change) -> None:
        """See `RunnerValues.change`."""
        with self._lock:
            try:
                self._values[person, workflow] = change(self._values.get((person, workflow), {}))
            except ValueError as error:  # larger than the whole cache
                raise ValuesTooLarge from error


def _make_room(connection: Connection, newest: ColumnElement[bool]) -> None:
    """Delete the values used longest ago, except the newest, if all values take too much space."""
    total = float(connection.execute(select(func.sum(_values.c.size))).scalar() or 0)
    if total <= VALUE_BYTES:
        return
    order = select(_values.c.person, _values.c.workflow, _values.c.size).order_by(_values.c.used_at)
    for row in connection.execute(order.where(~newest)).all():
        this = (_values.c.person == row.person) & (_values.c.workflow == row.workflow)
        connection.execute(delete(_values).where(this))
        total -= row.size
        if total <= VALUE_BYTES:
            return


def _is(person: str, workflow: str) -> ColumnElement[bool]:
    return (_values.c.person == digest(person)) & (_values.c.workflow == digest(workflow))


def _read(text: str) -> JsonValues:
    values: JsonValues = json.loads(text)
    return values


def _weight(values: JsonValues) -> int:
    """Return the approximate size in bytes."""
    return _OVERHEAD * (1 + len(values)) + sum(len(str(one)) for one in values.values())
