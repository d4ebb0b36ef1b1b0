"""Sessions and tokens: their number per user and their lifetime."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from comfy.base.errors import ComfyError
from tests.support.waiting import Clock, awaited
from ui.accounts import database
from ui.accounts import login as rules
from ui.accounts.login import Login, SessionTimes, SignedIn, WaysIn, sign_in_address
from ui.accounts.store import BrowserSession, SignInStore
from ui.accounts.users import UsersFile
from ui.web.cookies import Cookies
from ui.web.guesses import FailedSignIns, Guesses, PasswordAttempt
from ui.web.identity import Identity
from ui.web.logins import watched_logins

TIMES = SessionTimes(lasts=1000, idle=300)
CLOCK = Clock()


@pytest.fixture
def login() -> Iterator[Login]:
    """Return a login for anna, ben and guests."""
    ways = WaysIn((("anna", "lighthouse"), ("ben", "harbour")), guests=True)
    with closing(Login(ways, b"secret", SignInStore(), TIMES, CLOCK)) as login:
        yield login


def signed_in(login: Login, name: str = "anna", password: str = "lighthouse") -> str:
    shown = login.password(name, password)
    assert shown is not None
    return shown


def person(login: Login, shown: str) -> SignedIn:
    """Return the user that a cookie belongs to."""
    who = login.by_cookie(shown)
    assert who is not None
    return who


def test_the_session_that_was_used_longest_ago_makes_room(
    login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit counts each user's sessions. Other users keep theirs."""
    monkeypatch.setattr(rules, "_MOST_SESSIONS", 2)
    ben = signed_in(login, "ben", "harbour")
    first, second = signed_in(login), signed_in(login)
    CLOCK.now += 1
    login.touch(person(login, first))
    third = signed_in(login)
    assert login.by_cookie(second) is None
    assert {person(login, one).name for one in (first, third)} == {"anna"}
    assert person(login, ben).name == "ben"


def test_guests_are_separate_users_and_limited_in_number(
    login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guest who was seen longest ago makes room for a new guest."""
    monkeypatch.setattr(rules, "_MOST_GUESTS", 2)
    cookies = []
    for _ in range(3):
        CLOCK.now += 1
        cookies.append(login.guest(login.share_link))
    known = [login.by_cookie(one or "") for one in cookies]
    assert known[0] is None
    assert len({one.name for one in known if one}) == 2
    assert login.guest(login.share_link[:-1]) is None
    assert login.guest("") is None


def test_a_sign_in_during_shutdown_gets_a_sentence() -> None:
    """The error doesn't blame the intact file, because an administrator might delete it."""
    login = Login(WaysIn((("anna", "lighthouse"),)), b"secret", SignInStore(), TIMES, CLOCK)
    login.close()
    with pytest.raises(ComfyError, match="shutting down") as told:
        login.password("anna", "lighthouse")
    assert "Try again" in told.value.hint


def test_expired_sessions_are_removed(login: Login) -> None:
    """An idle session ends despite other requests in between. A session in use lasts until its
    maximum age."""
    idle, used = signed_in(login), signed_in(login)
    for _ in range(4):
        CLOCK.now += 240
        if login.by_cookie(used):
            login.touch(person(login, used))
        login.keep()
    assert login.by_cookie(idle) is None
    assert login.by_cookie(used) is not None
    CLOCK.now += 41
    assert login.by_cookie(used) is None


def test_a_user_stays_seen_after_signing_out(login: Login) -> None:
    """Also after a new password, which ends sessions and tokens, and if the session expires."""
    first = person(login, signed_in(login))
    token = login.by_token(login.new_token(first, "script"))
    assert token is not None
    for who, end in (
        (first, lambda: login.end(first)),
        (token, lambda: login.end_everything("anna")),
    ):
        CLOCK.now += 10
        login.touch(who)
        end()
        CLOCK.now += 5
        assert login.last_seen()["anna", ""] == CLOCK.now - 5
    signed_in(login)
    CLOCK.now += 900
    login.keep()
    assert login.last_seen()["anna", ""] == CLOCK.now - 900


def test_tokens_per_user_are_limited(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit, the user has to revoke a token before making another. The app shortens long
    labels, and a user can't revoke another user's token."""
    monkeypatch.setattr(rules, "_MOST_TOKENS", 1)
    anna, ben = (person(login, signed_in(login, *one)) for one in login.ways.pairs)
    token = login.new_token(anna, "x " * 100)
    with pytest.raises(ComfyError, match="You have 1 token"):
        login.new_token(anna, "another")
    (made,) = login.tokens_of(anna)
    assert len(made.label) <= 100
    assert not login.revoke(ben, made.id)
    assert login.by_token(token) is not None
    assert login.revoke(anna, made.id)
    assert login.by_token(token) is None
    login.new_token(anna, "another")


def test_tokens_made_at_the_same_time_are_limited(login: Login) -> None:
    """Each is counted in the transaction that writes it."""
    anna = person(login, signed_in(login))

    def made(number: int) -> bool:
        try:
            return bool(login.new_token(anna, f"token {number}"))
        except ComfyError:
            return False

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(made, range(70))) == 50
    assert len(login.tokens_of(anna)) == 50


def test_a_process_counts_the_tokens_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit holds although this process hasn't read the other one's token yet."""
    monkeypatch.setattr(rules, "_MOST_TOKENS", 1)
    ways, kept = WaysIn((("anna", "lighthouse"),)), sign_in_address("", tmp_path)
    with (
        closing(Login(ways, b"secret", SignInStore(kept), TIMES, CLOCK)) as one,
        closing(Login(ways, b"secret", SignInStore(kept), TIMES, CLOCK)) as other,
    ):
        one.new_token(person(one, signed_in(one)), "its own")
        with pytest.raises(ComfyError, match="You have 1 token"):
            other.new_token(person(other, signed_in(other)), "another")


def test_a_new_role_is_noticed_once(tmp_path: Path) -> None:
    """Also by the process that changed it, so that it closes what the role had opened."""
    users = UsersFile(tmp_path / "users.json")
    users.add("anna", "lighthouse", "operator")
    with closing(Login(WaysIn(file=users), b"secret", SignInStore(), TIMES, CLOCK)) as login:
        login.refresh()
        assert not login.refresh()
        users.set_role("anna", "user")
        assert login.refresh()
        assert not login.refresh()


def test_a_change_that_cannot_be_written_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example, another program reads the file for a long time. The next change is written after
    that read ends. Closing the store releases the file, whether or not it can be written."""
    monkeypatch.setattr(database, "_LONGEST_LOCK", 0.0)
    path = tmp_path / "sign_in.sqlite"
    sessions = [BrowserSession(key, "anna", "password", "", 1.0, 1.0) for key in ("a", "b", "c")]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        store = SignInStore(sign_in_address("", tmp_path))
        for session, is_read in zip(sessions, (False, True, False), strict=True):
            if is_read:
                other.execute("begin")
                other.execute("select * from sessions").fetchall()
                with pytest.raises(ComfyError, match="locked"):
                    store.put_session(session)
                other.execute("commit")
            else:
                store.put_session(session)
        kept = other.execute("select key from sessions order by key").fetchall()
        assert kept == [("a",), ("c",)]
        other.execute("begin exclusive")
        with pytest.raises(ComfyError, match="locked"):
            store.close()
        with pytest.raises(ComfyError, match="shutting down"):
            store.put_session(sessions[1])


def test_the_app_runs_while_sign_ins_wait_to_be_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Another program locks the file during the shutdown. The event loop stays free for the
    callback that unlocks it."""
    monkeypatch.setattr(database, "_LONGEST_LOCK", 5.0)
    path = tmp_path / "sign_in.sqlite"
    login = Login(
        WaysIn((("anna", "lighthouse"),)),
        b"secret",
        SignInStore(sign_in_address("", tmp_path)),
        TIMES,
        CLOCK,
    )

    async def end(other: sqlite3.Connection) -> None:
        async with watched_logins(Identity(Cookies(b"secret"), login), Guesses()):
            other.execute("begin immediate")
            asyncio.get_running_loop().call_later(0.1, other.rollback)

    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        awaited(end(other))
    assert not caplog.messages


def test_failed_sign_ins_are_noted() -> None:
    """The activity gets them within seconds, and when the app ends."""
    guesses, noted = Guesses(), list[FailedSignIns]()

    async def end() -> None:
        async with watched_logins(Identity(Cookies(b"secret"), None), guesses, note=noted.append):
            guesses.fail(PasswordAttempt("anna", "10.0.0.5"))

    awaited(end())
    assert noted == [FailedSignIns("", "10.0.0.5", 1)]
