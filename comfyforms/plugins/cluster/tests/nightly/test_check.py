"""Findings of `comfyforms cluster check` beside a running cluster of one process."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from comfyforms.plugins.cluster.command import manage_cluster
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from comfyforms.plugins.cluster.tests.redis import running_redis
from ui.settings.folders import SHIPPED_WORKFLOWS

ACL = "default on nopass resetchannels &comfyforms:* -@all +publish +ping +config|get"


@pytest.fixture(scope="module")
def cluster(own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster for all tests of this file."""
    with running_cluster(apps=1, servers=1) as cluster:
        yield cluster


def checked(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], **others: str
) -> tuple[int, dict[str, list[str]]]:
    """Run the check with the cluster's arguments, some of them changed. Return the exit code and
    the problems by subject."""
    arguments = [*cluster.arguments]
    for name, value in others.items():
        if f"--{name}" in arguments:
            arguments[arguments.index(f"--{name}") + 1] = value
        else:
            arguments += (f"--{name}", value)
    code = manage_cluster(["check", *arguments])
    found: dict[str, list[str]] = {}
    for result, subject, words in re.findall(
        r"^(OK|PROBLEM) +(\S+): (.*)$", capsys.readouterr().out, re.M
    ):
        if result == "PROBLEM":
            found.setdefault(subject, []).append(words)
    return code, found


def execute(cluster: Cluster, *statements: str) -> None:
    """Execute statements as the owner of the cluster's database."""
    engine = create_engine(cluster.database)
    with engine.begin() as rows:
        for statement in statements:
            rows.execute(text(statement))
    engine.dispose()


def test_notices_a_folder_of_its_own(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A copy of the folder isn't the shared folder."""
    copy = shutil.copytree(cluster.data, tmp_path / "copy", ignore=shutil.ignore_patterns("proc*"))
    code, problems = checked(cluster, capsys, data=str(copy))
    assert (code, problems.keys()) == (1, {"data"})
    assert problems["data"][0].startswith("Other processes use another folder: app-1.")


def test_notices_other_workflows_and_servers(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The check names the files and servers that differ. The other address of the same server
    counts, because runs are found by their server's address."""
    folder = tmp_path / "workflows"
    shutil.copytree(SHIPPED_WORKFLOWS, folder)
    (folder / "text-to-image.json").unlink()
    (folder / "mine.json").write_text("{}")
    shown = cluster.servers[0].url
    arguments = {"workflows": str(folder), "server": shown.replace("127.0.0.1", "localhost")}
    code, problems = checked(cluster, capsys, **arguments)
    assert (code, problems.keys()) == (1, {"setup"})
    (words,) = problems["setup"]
    assert (
        "app-1 has other workflow files: only there text-to-image.json; only here mine.json."
        in words
    )
    assert f"other ComfyUI servers: only there {shown}; only here http://localhost:" in words


def test_notices_other_settings(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """The check names the settings that differ, but not those that each process has of its own."""
    code, problems = checked(cluster, capsys, open="no", process="app-2")
    differs = "app-1 has other settings: open. Give all processes the same ones."
    assert (code, problems) == (1, {"setup": [differs]})


def test_says_that_an_encrypted_wire_needs_tls(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """The service waits for a command, so the app only sees that nothing comes back."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        wire = f"rediss://127.0.0.1:{silent.getsockname()[1]}"
        code, problems = checked(cluster, capsys, wire=wire)
    assert (code, problems.keys()) == (1, {"wire"})
    assert "rediss:// needs a port with TLS" in problems["wire"][0]


def test_reports_services_that_are_away(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each check is made although another one failed. No line has a password."""
    away = {
        "database": "postgresql+psycopg://tests:wr-ong@127.0.0.1:1/postgres",
        "wire": "redis://:wr-ong@127.0.0.1:1",
        "data": str(tmp_path / "missing"),
        "server": "http://127.0.0.1:1",
    }
    code, problems = checked(cluster, capsys, **away)
    assert (code, problems.keys()) == (1, {"database", "wire", "data", "http://127.0.0.1:1"})
    assert "wr-ong" not in str(problems)


def test_names_the_commands_that_the_wire_refuses(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_redis("--user", *ACL.split()) as server:
        code, problems = checked(cluster, capsys, wire=server.url)
    assert (code, problems.keys()) == (1, {"wire"})
    assert "subscribe" in problems["wire"][0]


def test_names_the_rights_that_a_role_lacks(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """A role that may create nothing can use existing tables, once it has the rights that the check
    names."""
    execute(cluster, "CREATE ROLE limited LOGIN")
    limited = cluster.database.replace("tests@", "limited@")
    granted = 0
    while True:
        code, problems = checked(cluster, capsys, database=limited)
        grants = [re.search(r"GRANT .*;", words) for found in problems.values() for words in found]
        if not grants:
            break
        execute(cluster, *(found.group() for found in grants if found))
        granted += len(grants)
    assert (code, problems) == (0, {})
    assert granted >= 3
    execute(cluster, "DROP OWNED BY limited", "DROP ROLE limited")


def test_names_the_rights_that_an_empty_database_lacks(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(cluster, "CREATE ROLE newcomer LOGIN")
    engine = create_engine(cluster.database, isolation_level="AUTOCOMMIT")
    with engine.connect() as rows:
        rows.execute(text("CREATE DATABASE fresh"))
    engine.dispose()
    address = cluster.database.replace("tests@/postgres", "newcomer@/fresh")
    code, problems = checked(cluster, capsys, database=address)
    assert (code, problems.keys()) == (1, {"tables", "engine"})
    assert "GRANT CREATE ON SCHEMA public TO newcomer;" in problems["tables"][0]
    assert "GRANT CREATE ON DATABASE fresh TO newcomer;" in problems["engine"][0]
