"""A separate Postgres server for the tests, in a folder in `/tmp` and without a port. It needs an
installed Postgres, such as Debian's `postgresql`."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import skip_without
from tests.support.waiting import LONGEST_WAIT

DEBIAN = Path("/usr/lib/postgresql")
# The database doesn't have to survive a crash of the machine. Only users with access to the folder
# can connect.
SETTINGS = "-c fsync=off -c listen_addresses='' -c unix_socket_directories="


def _programs() -> Path | None:
    """Return the folder with `initdb` and `pg_ctl`. If several versions are installed, it is the
    newest."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    folders = (path.parent for path in DEBIAN.glob("*/bin/initdb"))
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


class PostgresServer:
    """A server that tests stop and start. `url` is the address of a database on it."""

    def __init__(self, programs: Path, folder: Path) -> None:
        """Create the database in this folder."""
        self._programs = programs
        self._folder = folder
        self.url = f"postgresql+psycopg://tests@/postgres?host={folder}"
        # It refuses to work for root.
        self._account = "postgres" if os.getuid() == 0 else None
        if self._account is not None:
            shutil.chown(folder, self._account, self._account)
        self._run(
            "initdb",
            "--no-sync",
            "--auth=trust",
            "--username=tests",
            "--encoding=UTF8",
            "--locale=C",
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._run("pg_ctl", "start", "--wait", "--options", f"{SETTINGS}{self._folder}")

    def stop(self) -> None:
        """Stop the server as a crash would, if it runs."""
        if (self._folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--wait", "--mode", "immediate")

    def _run(self, program: str, *arguments: str) -> None:
        # A pipe would stay open as long as the server.
        with open(self._folder / "log", "ab") as log:
            done = subprocess.run(
                [self._programs / program, "-D", self._folder / "data", *arguments],
                cwd=self._folder,
                user=self._account,
                group=self._account,
                extra_groups=None if self._account is None else [],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=LONGEST_WAIT,
            )
        assert done.returncode == 0, (self._folder / "log").read_text()


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server during the block. If Postgres isn't installed, call `skip_without`."""
    programs = _programs()
    if programs is None:
        skip_without("Postgres: no initdb was found (Debian has it in the package postgresql)")
    folder = Path(
        tempfile.mkdtemp(prefix="postgres-", dir="/tmp")
    )  # pytest's folders are closed to other accounts
    try:
        server = PostgresServer(programs, folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server during the block and yield the URL of a database on it."""
    with postgres_server() as server:
        yield server.url


def empty(address: str) -> None:
    """Remove all tables of a database."""
    from sqlalchemy import create_engine, text  # most tests need none of it

    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


def database_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the URL of an empty database: "sqlite" or "postgres"."""
    if kind == "sqlite":
        return f"sqlite:///{folder}/history.db"
    address = str(request.getfixturevalue("postgres"))
    empty(address)
    return address
