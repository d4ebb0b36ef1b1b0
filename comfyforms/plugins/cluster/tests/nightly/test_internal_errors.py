"""Runs that a process can't execute, because of an error in the app."""

from __future__ import annotations

import os
from multiprocessing.context import ForkServerProcess

from sqlalchemy import create_engine, text

from comfy.runs.run import LocalRun
from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from tests.support.app_process import FORKED, free_port, started_here

WRONG = 13  # steps of the runs that fail


class FaultyApp(AppProcess):
    """App process with an error in the execution of some runs."""

    def _make(self) -> ForkServerProcess:
        about = False, str(self.log), False, (), dict(os.environ), self._arguments
        return FORKED.Process(target=_started_with_fault, args=about)


def _started_with_fault(*about: object) -> None:
    execute = LocalRun.execute

    def faulty(run: LocalRun) -> None:
        if run.job.values["5.steps"] == WRONG:
            raise KeyError(run.id)
        execute(run)

    LocalRun.execute = faulty  # type: ignore[method-assign]
    started_here(*about)  # type: ignore[arg-type]


def add_faulty_app(cluster: Cluster) -> FaultyApp:
    """Return a new process that isn't started yet."""
    arguments = *cluster.arguments, "--process", "app-1"
    app = FaultyApp("app-1", free_port(), cluster.folder, arguments)
    cluster.apps.append(app)
    return app


def test_a_run_with_an_internal_error_fails_once() -> None:
    """The run ends as failed with a sentence. Its process executes other runs."""
    with running_cluster(apps=0, servers=1) as cluster:
        app = add_faulty_app(cluster)
        app.start()
        client = ClusterClient(cluster)
        wrong, right = client.submit(WRONG), client.submit(2)
        assert client.ends([wrong, right]) == {wrong: "failed", right: "done"}
        error = client.run(wrong)["error"]
        assert (error["message"], error["hint"]) == ("Something went wrong.", "Try again.")
        assert app.said().count("failed with an internal error") == 1
        assert unfinished(cluster) == 0


def unfinished(cluster: Cluster) -> int:
    """Count the unfinished runs on record and in the queue."""
    engine = create_engine(cluster.database)
    with engine.begin() as connection:
        counts = [
            connection.execute(text(sql)).scalar_one()
            for sql in (
                "SELECT count(*) FROM runs WHERE ended_at IS NULL",
                "SELECT count(*) FROM live",
            )
        ]
    engine.dispose()
    return sum(counts)
