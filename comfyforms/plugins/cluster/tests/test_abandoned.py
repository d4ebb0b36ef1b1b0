"""Locks that a process holds but doesn't use."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from comfy.records.database import new_engine
from comfyforms.plugins.cluster.processes import ABSENT
from comfyforms.plugins.cluster.tables import limit_silence, lock
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
