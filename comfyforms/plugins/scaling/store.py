"""Servers that the app has started, and failures of commands, in the history's database."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from comfy.records.tables import as_comfy_errors, reading, replace_row, transaction
from comfyforms.plugins.scaling.tables import scale_problems as _problems
from comfyforms.plugins.scaling.tables import scaled_servers as _servers

ServerState = Literal["starting", "up", "stopping"]
CommandName = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class ServerRow:
    """Server that the app has started and not stopped yet. `number` and `id` are never used again.
    `slot`: counts the servers of a scale from 1. `since`: when it got this state; `seen`: when a
    process last worked on its command; both in seconds since 1970."""

    number: int
    id: str
    scale: str
    slot: int
    state: ServerState
    since: float
    seen: float
    url: str | None


@dataclass(frozen=True, slots=True)
class CommandProblem:
    """Failure of a command. `failures`: how often in a row; `at`: seconds since 1970."""

    text: str
    failures: int
    at: float


class ScaleStore:
    """Started servers and failures. Changes take effect only in the state that the caller expects,
    so one of several processes succeeds. All methods raise ComfyError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rows(self) -> tuple[ServerRow, ...]:
        """Return all servers, oldest first."""
        query = select(*(_servers.c[name] for name in ServerRow.__slots__))
        with reading(self._engine) as connection:
            return tuple(
                ServerRow(*row) for row in connection.execute(query.order_by(_servers.c.number))
            )

    def begin(self, scale: str, slot: int) -> str | None:
        """Add a starting server and return its id; None if another process has used the slot."""
        now, server_id = time.time(), f"{scale}-{uuid.uuid4().hex[:12]}"
        values = {"id": server_id, "scale": scale, "slot": slot, "state": "starting"}
        put = insert(_servers).values(**values, since=now, seen=now)
        with as_comfy_errors():
            try:
                with self._engine.begin() as connection:
                    connection.execute(put)
            except IntegrityError:
                return None
        return server_id

    def change(
        self, server_id: str, before: ServerState, after: ServerState, url: str | None = None
    ) -> bool:
        """Change a server's state, and its address unless None. Return False if it isn't in the
        state `before`. Any process may stop a server that is `stopping`."""
        now = time.time()
        values: dict[str, object] = {"state": after, "seen": 0.0 if after == "stopping" else now}
        if after != before:
            values["since"] = now
        if url is not None:
            values["url"] = url
        return self._update(server_id, before, values)

    def lease(self, server_id: str, state: ServerState, seconds: float) -> bool:
        """Begin to work on a server's command. Return False if a process has worked on it in the
        last `seconds`, or if it isn't in this state."""
        now = time.time()
        return self._update(server_id, state, {"seen": now}, seen_before=now - seconds)

    def renew(self, server_id: str) -> None:
        """Note that this process still works on a server's command."""
        self._update(server_id, None, {"seen": time.time()})

    def remove(self, server_id: str) -> None:
        with transaction(self._engine) as connection:
            connection.execute(delete(_servers).where(_servers.c.id == server_id))

    def problems(self) -> Mapping[tuple[str, CommandName], CommandProblem]:
        query = select(
            _problems.c.scale,
            _problems.c.command,
            _problems.c.text,
            _problems.c.failures,
            _problems.c.at,
        )
        with reading(self._engine) as connection:
            return {
                (scale, command): CommandProblem(*rest)
                for scale, command, *rest in connection.execute(query)
            }

    def note_problem(self, scale: str, command: CommandName, text: str) -> int:
        """Record a failure, and return how often the command has failed in a row."""
        is_it = (_problems.c.scale == scale, _problems.c.command == command)
        with transaction(self._engine) as connection:
            before = connection.execute(select(_problems.c.failures).where(*is_it)).scalar() or 0
            values = {"text": text, "failures": before + 1, "at": time.time()}
            replace_row(connection, _problems, {"scale": scale, "command": command, **values})
        return before + 1

    def clear_problem(self, scale: str, command: CommandName) -> None:
        with transaction(self._engine) as connection:
            connection.execute(
                delete(_problems).where(_problems.c.scale == scale, _problems.c.command == command)
            )

    def _update(
        self,
        server_id: str,
        state: ServerState | None,
        values: Mapping[str, object],
        seen_before: float | None = None,
    ) -> bool:
        change = update(_servers).where(_servers.c.id == server_id).values(**values)
        if state is not None:
            change = change.where(_servers.c.state == state)
        if seen_before is not None:
            change = change.where(_servers.c.seen < seen_before)
        with transaction(self._engine) as connection:
            return connection.execute(change).rowcount == 1
