"""Locks and runs that a process has but doesn't use."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import DBAPIError

from comfy.cluster.processes import ABSENT
from comfy.cluster.tables import limit_silence, live, lock, processes
from comfy.records.database import new_engine
from tests.support.cluster.client import ClusterClient
from tests.support.cluster.running import running_cluster
from tests.support.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def engine(postgres: PostgresServer) -> Iterator[Engine]:
    engine = new_engine(postgres.url)
    yield engine
    engine.dispose()


def test_a_silent_process_loses_its_lock(engine: Engine) -> None:
    """The database ends the transaction of a process that does nothing in it, before the process
    that waits for the lock counts as dead."""
    with engine.connect():
        pass  # a connection from before
    limit_silence(engine)
    silent = engine.connect()
    lock(silent)
    started = time.monotonic()
    with engine.begin() as connection:
        lock(connection)
    assert time.monotonic() - started < ABSENT
    with pytest.raises(DBAPIError):
        silent.execute(select(func.now()))
    silent.close()


def test_a_claimed_run_is_executed() -> None:
    """A process hands over a run that it has claimed but doesn't execute, as after a commit that
    looked like a failure."""
    with running_cluster(apps=1, servers=1) as cluster:
        client, (app,) = ClusterClient(cluster), cluster.apps
        with cluster.slow_servers():
            first = client.submit(60)
            client.wait_for(first, "running", app)
            second = client.submit(2)
            claimed = {"process": select(processes.c.life).scalar_subquery(), "taken": 1}
            database = new_engine(cluster.database)
            with database.begin() as connection:
                lock(connection)
                connection.execute(update(live).where(live.c.run == second).values(claimed))
            database.dispose()
        assert client.ends([first, second]) == {first: "done", second: "done"}
        assert "not started" in app.said()
