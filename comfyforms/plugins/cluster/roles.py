"""Work that one process does for all, such as clean-up and the delivery of webhooks, and the state
of ComfyUI servers that all processes share: which are drained, and which prompts were left at
servers that didn't answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Engine as Database

from comfy.base.errors import ComfyError
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.tables import reading, transaction
from comfyforms.plugins.cluster.processes import ABSENT, Place, living
from comfyforms.plugins.cluster.tables import left_behind as _left
from comfyforms.plugins.cluster.tables import roles as _roles
from comfyforms.plugins.cluster.tables import servers as _servers
from comfyforms.plugins.cluster.watching import Watchers

log = logging.getLogger(__name__)
_KEEPER = "keeper"
_LOOK = 1.0  # seconds between two looks whether this process has the role
_SWEEP = 600.0  # seconds between two clean-ups


class SharedServers:
    """Servers of this process, compared with the database. All methods raise ComfyError."""

    def __init__(self, database: Database, pool: ServerPool, life: str) -> None:
        self._database, self._pool, self._life = database, pool, life
        self._written: set[tuple[str, str]] = set()  # addresses and left prompts

        # Prepared, because building a statement takes longer than running it.
        self._drained = select(_servers.c.url).where(_servers.c.drained)
        mine = [server.url for server in pool.servers]
        orphaned = (_left.c.life.not_in(living()), _left.c.url.in_(mine))
        changed = update(_left).where(*orphaned).values(life=life)
        self._adopted = changed.returning(_left.c.url, _left.c.prompt)
        pool.share_drained(self)

    def write(self, url: str, *, drained: bool) -> None:
        """Drain a server in all processes, or take it back."""
        put = upsert(_servers).values(url=url, drained=drained)
        put = put.on_conflict_do_update(index_elements=["url"], set_={"drained": drained})
        with transaction(self._database) as connection:
            connection.execute(put)

    def read(self) -> set[str]:
        """Return the addresses of the drained servers."""
        with reading(self._database) as connection:
            return set(connection.execute(self._drained).scalars())

    def refresh(self, *, adopt: bool) -> None:
        """Apply and write changes. `adopt`: cancel the prompts that dead processes left, too."""
        self._pool.refresh_drained()
        left = {
            (server.url, prompt_id) for server in self._pool.servers for prompt_id in server.left
        }
        if left == self._written and not adopt:
            return
        with transaction(self._database) as connection:
            self._write(connection, left)
            adopted = self._adopt(connection) if adopt else set()
        for url, prompt_id in adopted:
            if server := self._pool.at(url):
                server.leave_behind(prompt_id)
        self._written = left | adopted

    def _write(self, connection: Connection, left: set[tuple[str, str]]) -> None:
        for url, prompt_id in self._written - left:
            connection.execute(delete(_left).where(_left.c.prompt == prompt_id, _left.c.url == url))
        if new := left - self._written:
            rows = [{"prompt": prompt, "url": url, "life": self._life} for url, prompt in new]
            put = upsert(_left)
            mine = {"life": put.excluded.life}
            put = put.on_conflict_do_update(index_elements=["prompt", "url"], set_=mine)
            connection.execute(put, rows)

    def _adopt(self, connection: Connection) -> set[tuple[str, str]]:
        return {(url, prompt_id) for url, prompt_id in connection.execute(self._adopted)}


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
        with transaction(self._database) as connection:
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
