"""A database server of the sign-ins that doesn't answer, and a frozen process."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing

import pytest

from tests.support.postgres import empty
from tests.support.waiting import LONGEST_WAIT
from ui.accounts import database
from ui.accounts.database import SignInDatabase, SignInStoreError
from ui.accounts.store import BrowserSession, SignInStore


def test_a_silent_server_is_reported_within_seconds() -> None:
    """It accepts the connection and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql+psycopg://forms@127.0.0.1:{silent.getsockname()[1]}/forms"
        began = time.monotonic()
        with pytest.raises(SignInStoreError, match="isn't working"):
            SignInStore(address)
        assert time.monotonic() - began < LONGEST_WAIT / 2


def test_a_frozen_process_blocks_no_other(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends the transaction of a process that stopped in the middle of a change. When the
    process wakes, its change fails."""
    empty(postgres)
    monkeypatch.setattr(database, "_LONGEST_TRANSACTION", 500)
    frozen, woken, failures = threading.Event(), threading.Event(), list[Exception]()

    def change(store: SignInDatabase) -> None:
        try:
            with store.changing():
                frozen.set()
                assert woken.wait(LONGEST_WAIT)
        except SignInStoreError as problem:
            failures.append(problem)

    session = BrowserSession("a session", "anna", "password", "", began=1.0, seen=1.0)
    with closing(SignInDatabase(postgres)) as one, closing(SignInStore(postgres)) as other:
        thread = threading.Thread(target=change, args=(one,))
        thread.start()
        assert frozen.wait(LONGEST_WAIT)
        other.put_session(session)
        woken.set()
        thread.join(LONGEST_WAIT)
        assert len(failures) == 1
        other.refresh()
        assert other.sessions == {session.key: session}
