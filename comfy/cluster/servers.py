"""State of ComfyUI servers that all processes share: which are drained, and which prompts were left
at servers that didn't answer."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Engine as Database

from comfy.cluster.processes import living
from comfy.cluster.tables import left_behind as _left
from comfy.cluster.tables import servers as _servers
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.tables import as_comfy_errors


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
        with as_comfy_errors(), self._database.begin() as connection:
            connection.execute(put)

    def read(self) -> set[str]:
        """Return the addresses of the drained servers."""
        with as_comfy_errors(), self._database.connect() as connection:
            return set(connection.execute(self._drained).scalars())

    def refresh(self, *, adopt: bool) -> None:
        """Apply and write changes. `adopt`: cancel the prompts that dead processes left, too."""
        self._pool.refresh_drained()
        left = {
            (server.url, prompt_id) for server in self._pool.servers for prompt_id in server.left
        }
        if left == self._written and not adopt:
            return
        with as_comfy_errors(), self._database.begin() as connection:
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
