"""Work that one process does for all: clean-up and the delivery of webhooks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Engine as Database

from comfy.base.errors import ComfyError
from comfy.cluster.processes import ABSENT, Place, living
from comfy.cluster.servers import SharedServers
from comfy.cluster.tables import roles as _roles
from comfy.cluster.watching import Watchers
from comfy.records.tables import as_comfy_errors

log = logging.getLogger(__name__)

_KEEPER = "keeper"
_LOOK = 1.0  # seconds between two looks whether this process has the role
_SWEEP = 600.0  # seconds between two clean-ups


class _KeeperRole:
    """Role of the one process that cleans up and delivers webhooks."""

    def __init__(self, database: Database, life: str) -> None:
        self._database, self._life = database, life
        self._until = float("-inf")
        # Prepared, because building a statement takes longer than running it.
        self._holder = select(_roles.c.life).where(
            _roles.c.role == _KEEPER, _roles.c.life.in_(living())
        )
        self._take = (
            upsert(_roles)
            .values(role=_KEEPER, life=life)
            .on_conflict_do_update(
                index_elements=["role"],
                set_={"life": life},
                where=_roles.c.life.not_in(living()),
            )
            .returning(_roles.c.life)
        )

    @property
    def is_mine(self) -> bool:
        """Return whether this process has the role. It loses it when it can't claim it again in
        time, before another process can have it."""
        return time.monotonic() < self._until

    def claim(self) -> None:
        """Keep the role, or take it if no living process has it. Call this after each sign of
        life. Raises ComfyError."""
        claimed_at = time.monotonic()
        with as_comfy_errors(), self._database.begin() as connection:
            life = connection.execute(self._holder).scalar()
            if life is None:
                taken = connection.execute(self._take).scalar()
                life = taken or connection.execute(self._holder).scalar()
        was_mine = self.is_mine
        self._until = claimed_at + ABSENT - _LOOK if life == self._life else float("-inf")
        if self.is_mine and not was_mine:
            log.info("This process cleans up and delivers webhooks now.")


class _Keeper:
    """Thread that cleans the database and the folder while this process has the role."""

    def __init__(self, role: _KeeperRole, sweeps: Sequence[Callable[[], object]]) -> None:
        """`sweeps` may raise ComfyError."""
        self._role, self._sweeps = role, sweeps
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread; don't wait for a clean-up."""
        self._closing.set()

    def _run(self) -> None:
        due = float("-inf")
        while not self._closing.wait(_LOOK):
            if not self._role.is_mine or time.monotonic() < due:
                continue
            due = time.monotonic() + _SWEEP
            for sweep in self._sweeps:
                try:
                    sweep()
                except ComfyError as problem:
                    log.warning("Can't remove old results: %s %s", problem, problem.hint)
                except Exception:
                    log.exception("The clean-up failed with an internal error")


class SharedWork:
    """Work that processes share besides runs: one of them cleans up, delivers webhooks, stops runs
    without pages and cancels prompts that dead processes left."""

    def __init__(
        self,
        database: Database,
        place: Place,
        servers: SharedServers,
        watchers: Watchers,
        sweeps: Sequence[Callable[[], object]],
    ) -> None:
        """`sweeps`: see `_Keeper`."""
        self._executes, self._servers, self._watchers = place.executes, servers, watchers
        self._role = _KeeperRole(database, place.life)
        self._keeper = _Keeper(self._role, (*sweeps, watchers.forget_ended))

    @property
    def is_keeper(self) -> bool:
        """See `comfy.runs.interface.RunRegistry.is_keeper`."""
        return self._role.is_mine

    def start(self) -> None:
        """Read which servers are drained, and start the clean-up. Raises ComfyError."""
        self._servers.refresh(adopt=False)
        self._keeper.start()

    def close(self) -> None:
        """End the clean-up."""
        self._keeper.close()

    def beat(self, *, is_sure: bool) -> bool:
        """Compare this process with the database, after each sign of life. Return whether the queue
        has changed. `is_sure`: other processes could write, too. Raises ComfyError."""
        if self._executes:
            self._role.claim()
        self._servers.refresh(adopt=self.is_keeper)
        self._watchers.note()
        return self.is_keeper and is_sure and self._watchers.stop_unwatched()
