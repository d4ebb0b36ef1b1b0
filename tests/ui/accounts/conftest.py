"""Fixture of a Postgres database that can be taken away."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine, text


@pytest.fixture
def away(postgres: str) -> Iterator[tuple[str, Callable[[bool], None]]]:
    """Return the URL of a database, and a function that makes it refuse connections, or accept
    them again."""
    name = f"sign_ins_{secrets.token_hex(4)}"
    server = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))

        def switch(is_away: bool) -> None:
            allowed = str(not is_away).lower()
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}"))
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
                ),
                {"name": name},
            )

        yield postgres.replace("/postgres?", f"/{name}?"), switch
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()
