"""Repeats tests of runs, batches and chains with a process of a cluster, on Postgres and Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from comfy.comfyui.servers.pool import ServerPool
from comfy.records.store import RunStore
from comfy.runs.interface import RunRegistry
from comfyforms.plugins.cluster.tests.redis import running_redis
from tests.imports import ROOT
from tests.support.postgres import empty
from tests.support.registries import RegistryKind

# Files whose tests run with both kinds of registries: always, and with `--nightly`.
ALWAYS_TWICE = ("runs/test_registry_line.py",)
TWICE = (
    *ALWAYS_TWICE,
    "runs/test_registry.py",
    "batches/test_batch_queue.py",
    "chains/test_chain_results.py",
)


@dataclass(frozen=True, slots=True)
class ClusterKind(RegistryKind):
    """Registries of processes of a cluster with this database and wire."""

    database: str
    wire: str

    def history_address(self, folder: Path) -> str:
        return self.database

    def registry(
        self, servers: ServerPool, history: RunStore | None, **options: Any
    ) -> RunRegistry:
        from comfyforms.plugins.cluster.tests.started_registry import (
            StartedRegistry,  # its engine takes long to import
        )

        return StartedRegistry(servers, history, self.database, self.wire, **options)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests again with a process of a cluster, unless they are marked as `embedded`."""
    names = TWICE if metafunc.config.getoption("--nightly") else ALWAYS_TWICE
    is_embedded = metafunc.definition.get_closest_marker("embedded") is not None
    if metafunc.definition.path in {ROOT / "tests" / one for one in names} and not is_embedded:
        metafunc.parametrize("registry_kind", ["embedded", "cluster"], indirect=True)


@pytest.fixture(scope="session")
def cluster_services(postgres: str) -> Iterator[ClusterKind]:
    with running_redis() as redis:
        yield ClusterKind(postgres, redis.url)


@pytest.fixture
def cluster_registries(cluster_services: ClusterKind) -> ClusterKind:
    """Return the kind of registries of a cluster without rows."""
    empty(cluster_services.database)
    engine = create_engine(cluster_services.database)
    with engine.begin() as connection:
        if inspect(connection).has_table("workflow_status", schema="dbos"):
            connection.execute(text("TRUNCATE dbos.workflow_status CASCADE"))
    engine.dispose()
    return cluster_services


@pytest.fixture
def several_processes() -> Callable[..., AbstractContextManager[Any]]:
    """Return a function that runs app processes on one database, with the arguments of
    `running_cluster`. It yields them and a function that returns the client of an owner."""
    from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
    from comfyforms.plugins.cluster.tests.app_processes.running import running_cluster

    @contextmanager
    def run(*options: str, **counts: int) -> Iterator[Any]:
        with running_cluster(*options, **counts) as cluster:
            yield cluster.apps, partial(ClusterClient, cluster)

    return run
