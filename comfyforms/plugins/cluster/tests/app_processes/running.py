"""A cluster: several app processes with their ComfyUI servers, Postgres and Redis."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from comfyforms.plugins.cluster.tests.app_processes.processes import (
    SLOW_STEP,
    AppProcess,
    PromptExecution,
    StandIn,
)
from comfyforms.plugins.cluster.tests.redis import RedisServer, running_redis
from tests.support.app_process import free_port
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.waiting import eventually


@dataclass
class Cluster:
    """Running cluster. `data` is the shared folder; `apps` and `servers` are its processes."""

    folder: Path
    database: str
    postgres: PostgresServer | None
    redis: RedisServer | None
    arguments: tuple[str, ...]
    servers: list[StandIn] = field(default_factory=list)
    apps: list[AppProcess] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """Return the folder of `--data`."""
        return self.folder / "data"

    @property
    def alive(self) -> list[AppProcess]:
        """Return the app processes that run."""
        return [app for app in self.apps if app.is_alive]

    def add_app(self, *arguments: str) -> AppProcess:
        """Return a new app process that isn't started yet."""
        name = f"app-{len(self.apps) + 1}"
        named = ("--process", name) if self.redis else ()
        app = AppProcess(name, self._port(), self.folder, (*self.arguments, *named, *arguments))
        self.apps.append(app)
        return app

    def add_server(self, step_seconds: float) -> StandIn:
        """Return a new ComfyUI server that isn't started yet. Only processes that are added later
        use it."""
        server = StandIn(f"gpu-{len(self.servers) + 1}", self._port(), self.folder, step_seconds)
        self.servers.append(server)
        self.arguments += ("--server", server.url)
        return server

    def _port(self) -> int:
        taken = {process.port for process in (*self.apps, *self.servers)}
        return next(port for port in iter(free_port, 0) if port not in taken)

    def executions(self) -> dict[str, list[PromptExecution]]:
        """Return the executions of each prompt at all servers."""
        found = defaultdict(list)
        every = (execution for server in self.servers for execution in server.executions())
        for execution in sorted(every, key=lambda one: one.started):
            found[execution.prompt_id].append(execution)
        return found

    def executions_of(self, run_id: str) -> list[PromptExecution]:
        """Return the executions of a run, whose prompt has its id."""
        return self.executions().get(run_id, [])

    @contextlib.contextmanager
    def slow_servers(self, step_seconds: float = SLOW_STEP) -> Iterator[None]:
        """Make each step at all servers take this long during the block, so that long runs take a
        minute."""
        for server in self.servers:
            server.slow_down(step_seconds)
        try:
            yield
        finally:
            for server in self.servers:
                if server.is_alive:
                    server.speed_up()

    def wait_for_outcome(self, run_id: str, outcome: str = "started") -> PromptExecution:
        """Wait until the newest execution of a run has this outcome, and return it."""

        def is_there() -> bool:
            found = self.executions_of(run_id)
            return bool(found) and found[-1].outcome == outcome

        eventually(is_there, f"{outcome} in the journal")
        return self.executions_of(run_id)[-1]

    def begins(self, run_id: str) -> int:
        """Count how often processes have begun to execute a run."""
        return sum(app.said().count(f"Run {run_id} begins") for app in self.apps)

    def executor_of(self, run_id: str, *former: AppProcess) -> AppProcess:
        """Wait until a process executes a run, other than these, and return that process."""
        others = [app for app in self.apps if app not in former]
        eventually(lambda: any(app.has_begun(run_id) for app in others), "an executor")
        return next(app for app in others if app.has_begun(run_id))

    def close(self) -> None:
        """Kill all processes of the app and the stand-ins."""
        for process in (*self.apps, *self.servers):
            process.kill()


@contextlib.contextmanager
def running_cluster(
    *options: str,
    apps: int = 2,
    servers: int = 2,
    step_seconds: float = 0.02,
    wire: bool = True,
) -> Iterator[Cluster]:
    """Run this many app processes with these options, and ComfyUI servers, during the block. On
    exit, kill all processes and remove their files. Without a `wire`, the app has a single process
    and SQLite."""
    assert wire or apps == 1
    folder = Path(tempfile.mkdtemp(prefix="cluster-", dir="/tmp"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        postgres = stack.enter_context(postgres_server()) if wire else None
        redis = stack.enter_context(running_redis()) if wire else None
        arguments = ["--data", str(folder / "data"), "--waiting", "10000", "--hourly", "100000"]
        if postgres and redis:
            arguments += ["--database", postgres.url, "--wire", redis.url]
        database = postgres.url if postgres else f"sqlite:///{folder / 'data' / 'history.sqlite'}"
        cluster = Cluster(folder, database, postgres, redis, (*arguments, *options))
        stack.callback(cluster.close)
        processes = [
            *(cluster.add_server(step_seconds) for _ in range(servers)),
            *(cluster.add_app() for _ in range(apps)),
        ]
        for process in processes:
            process.launch()
        for process in processes:
            process.wait_until_ready()
        yield cluster
