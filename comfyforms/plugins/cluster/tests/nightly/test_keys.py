"""Requests with an idempotency key whose process dies before it has answered."""

from __future__ import annotations

import threading
from contextlib import suppress

import requests
from sqlalchemy import Engine, create_engine, text

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.app_processes.running import running_cluster
from comfyforms.plugins.cluster.tests.kills import check_executed_once
from tests.support.waiting import eventually

# The statement after the run's transaction changes nothing anymore. It takes ten minutes.
HOLD = """
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
CREATE TRIGGER hold BEFORE UPDATE ON started_requests FOR EACH ROW
WHEN (OLD.runs <> '[]' AND OLD.runs = NEW.runs) EXECUTE FUNCTION hold();
"""
END_HELD = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
HELD = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


def test_a_kill_after_the_record_starts_no_second_run() -> None:
    """The process dies between the transaction that records the run and its answer. Another process
    answers the same request with that run, also after a minute. It knows an earlier prompt, which
    tells it whether the server was restarted: the first may have died while it sent the prompt."""
    with running_cluster(apps=2, servers=1) as cluster:
        client, engine = ClusterClient(cluster), create_engine(cluster.database)
        first, second = cluster.apps
        earlier = [client.submit(at=second)]
        while client.ends(earlier) and cluster.executor_of(earlier[-1]) is not second:
            earlier.append(client.submit(at=second))
        execute(engine, HOLD)
        asking = threading.Thread(target=cut_off, args=(client, first, "key"))
        asking.start()
        eventually(lambda: scalar(engine, HELD) == 1, "the end of the run's transaction")
        first.kill()
        asking.join()
        execute(engine, END_HELD)
        execute(engine, "DROP TRIGGER hold ON started_requests")
        execute(engine, "UPDATE started_requests SET made_at = made_at - 61")
        run = client.submit(at=second, key="key")
        assert client.ends([run]) == {run: "done"}
        assert scalar(engine, "SELECT count(*) FROM runs") == len(earlier) + 1
        check_executed_once(cluster, [run])
        engine.dispose()


def test_a_key_ends_with_its_process() -> None:
    """The process dies before it has recorded a run. Soon another process starts the same request,
    once."""
    hold = "CREATE TRIGGER hold BEFORE INSERT ON runs FOR EACH ROW EXECUTE FUNCTION hold()"
    with running_cluster(apps=2, servers=1) as cluster:
        client, engine = ClusterClient(cluster), create_engine(cluster.database)
        first, second = cluster.apps
        execute(engine, HOLD.partition("CREATE TRIGGER")[0])
        execute(engine, hold)
        asking = threading.Thread(target=cut_off, args=(client, first, "key"))
        asking.start()
        eventually(lambda: scalar(engine, HELD) == 1, "the run's transaction")
        first.kill()
        asking.join()
        execute(engine, END_HELD)
        execute(engine, "DROP TRIGGER hold ON runs")
        interrupted = "SELECT count(*) FROM started_requests WHERE runs = '[]'"
        assert scalar(engine, interrupted) == 1
        eventually(lambda: scalar(engine, interrupted) == 0, "the process is found dead", 30)
        run = client.submit(at=second, key="key")
        assert client.ends([run]) == {run: "done"}
        check_executed_once(cluster, [run])
        engine.dispose()


def cut_off(client: ClusterClient, at: AppProcess, key: str) -> None:
    """Start a run at a process that dies before it answers."""
    with suppress(requests.RequestException):
        client.submit(at=at, key=key)


def execute(engine: Engine, sql: str) -> None:
    """Execute statements in a transaction."""
    with engine.begin() as connection:
        connection.execute(text(sql))


def scalar(engine: Engine, sql: str) -> object:
    """Return the only value that a query has."""
    with engine.begin() as connection:
        return connection.execute(text(sql)).scalar_one()
