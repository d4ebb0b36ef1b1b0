"""Runs that stop some time after all their pages are closed, at whichever process."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Engine as Database

from comfy.records.tables import transaction
from comfy.runs.run import PAGE_CLOSED
from comfyforms.plugins.cluster.rows import request_stop
from comfyforms.plugins.cluster.run import ClusterRun
from comfyforms.plugins.cluster.tables import live as _live
from comfyforms.plugins.cluster.tables import lock
from comfyforms.plugins.cluster.tables import watching as _watching


def start_grace(connection: Connection, run_id: str) -> None:
    """Let a new run's grace time begin, in the transaction that adds the run. An ended run may have
    had its id."""
    put = upsert(_watching).values(run=run_id, seen=func.now())
    connection.execute(put.on_conflict_do_update(index_elements=["run"], set_={"seen": func.now()}))


class Watchers:
    """Pages of runs that stop without a page. `unfinished` returns all unfinished runs. Methods
    raise ComfyError."""

    def __init__(
        self, database: Database, grace: float, unfinished: Callable[[], Iterable[ClusterRun]]
    ) -> None:
        """`grace`: seconds that these runs continue without a page."""
        self._database, self._grace, self._unfinished = database, grace, unfinished

    def note(self) -> None:
        """Write which of these runs have a page at this process now."""
        watched = [
            run.id
            for run in self._unfinished()
            if run.is_watched and run.row is not None and run.row.watched
        ]
        if watched:
            seen = update(_watching).where(_watching.c.run.in_(watched))
            with transaction(self._database) as connection:
                connection.execute(seen.values(seen=func.now()))

    def stop_unwatched(self) -> bool:
        """Have the runs stopped whose grace time is over; return whether there were any. One
        process calls this."""
        limit = func.now() - text(f"interval '{self._grace} seconds'")
        unwatched = (
            select(_live.c.run)
            .join(_watching, _watching.c.run == _live.c.run)
            .where(_live.c.watched, _live.c.cancel.is_(None), _watching.c.seen < limit)
        )
        with transaction(self._database) as connection:
            run_ids = connection.execute(unwatched).scalars().all()
            if run_ids:
                lock(connection)  # as all changes of the queue
            for run_id in run_ids:
                request_stop(connection, run_id, PAGE_CLOSED)
        return bool(run_ids)

    def forget_ended(self) -> None:
        """Delete the rows of ended runs."""
        with transaction(self._database) as connection:
            ended = _watching.c.run.not_in(select(_live.c.run))
            connection.execute(delete(_watching).where(ended))
