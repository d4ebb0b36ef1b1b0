"""The database of sign-ins, on SQLite and on Postgres, also with two processes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import app
from comfy.base.errors import ComfyError
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from tests.support.waiting import Clock
from ui.accounts.database import SignInStoreError
from ui.accounts.login import Login, SessionTimes, WaysIn, sign_in_address
from ui.accounts.openid_people import OpenIDPerson, OpenIDSettings
from ui.accounts.openid_store import OpenIDPeople
from ui.accounts.store import AccessToken, BrowserSession, SignInStore

SESSION = BrowserSession("a session", "anna", "password", "", began=1.0, seen=1.0)
GUEST = BrowserSession("a guest", "guest-1", "guest", "", began=1.0, seen=1.0)
TOKEN = AccessToken("a token", "1", "anna", "password", "", "nightly", made=1.0)
TIMES, CLOCK = SessionTimes(lasts=1000, idle=300), Clock()


@pytest.fixture
def stores(database: str) -> Iterator[tuple[SignInStore, SignInStore]]:
    """Return two stores of one database, as in two processes."""
    with closing(SignInStore(database)) as one, closing(SignInStore(database)) as other:
        yield one, other


def test_sign_ins_survive_a_restart(database: str) -> None:
    """Sessions, tokens, the share link and users named by a proxy are in the database."""
    with closing(SignInStore(database)) as store:
        store.put_session(SESSION)
        store.put_token(TOKEN, 50, bool)
        store.open_share_link()
        store.note_named("bén 🙂", 3.0)
        link = store.share_link
    with closing(SignInStore(database)) as store:
        assert store.sessions == {SESSION.key: SESSION}
        assert store.access_tokens == {TOKEN.key: TOKEN}
        assert store.named == {"bén 🙂": 3.0}
        assert store.share_link == link != ""
        store.open_share_link()
        assert store.share_link == link


def test_a_token_from_before_scopes_opens_everything(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An upgrade of the tables adds its scope. The log has no lines of the library for upgrades."""
    caplog.set_level(logging.INFO)
    with closing(SignInStore(database)) as store:
        store.put_token(replace(TOKEN, scope="programs"), 50, bool)
    engine = create_engine(database)
    with closing(engine.raw_connection()) as raw, closing(raw.cursor()) as rows:
        rows.execute("ALTER TABLE access_tokens DROP COLUMN scope")
        rows.execute("UPDATE sign_in_version SET version_num = '0001'")
        raw.commit()
    engine.dispose()
    for _ in range(2):
        with closing(SignInStore(database)) as store:
            assert store.access_tokens == {TOKEN.key: TOKEN}
    assert any(one.message.startswith("Upgrading the sign-ins") for one in caplog.records)
    assert not any(one.name.startswith("alembic") for one in caplog.records)


def test_the_history_and_sign_ins_share_a_database(database: str, tmp_path: Path) -> None:
    """Either may be opened first, and a sign-in stays."""
    blobs = BlobStore(tmp_path)
    with closing(SignInStore(database)) as store, closing(RunStore(database, blobs)):
        store.put_session(SESSION)
    with closing(RunStore(database, blobs)), closing(SignInStore(database)) as store:
        assert store.sessions == {SESSION.key: SESSION}


def test_a_use_is_not_lost_if_the_database_is_read_before_the_write(database: str) -> None:
    """For example, the share link ends at that moment. The use counts immediately and is written
    later."""

    def told(store: SignInStore) -> tuple[float, float]:
        return store.sessions[SESSION.key].seen, store.access_tokens[TOKEN.key].used

    with closing(SignInStore(database)) as store:
        store.put_session(SESSION)
        store.put_token(TOKEN, 50, bool)
        for key in (SESSION.key, TOKEN.key):
            store.touch(key, 5.0)
        store.end_share_link()
        assert told(store) == (5.0, 5.0)
    with closing(SignInStore(database)) as store:
        assert told(store) == (5.0, 5.0)


def test_another_process_notices_each_change_once(stores: tuple[SignInStore, SignInStore]) -> None:
    """One refresh is enough, and a process doesn't reload for its own changes."""
    one, other = stores
    one.put_session(SESSION)
    one.put_token(TOKEN, 50, bool)
    assert not one.refresh_if_changed()
    assert other.refresh_if_changed()
    assert not other.refresh_if_changed()
    assert (other.sessions, other.access_tokens) == (one.sessions, one.access_tokens)
    one.end_tokens([TOKEN.id])
    other.end_sessions([SESSION.key])
    for store in stores:
        assert store.refresh_if_changed()
        assert (store.sessions, store.access_tokens) == ({}, {})
        assert not store.refresh_if_changed()


def test_the_end_of_the_share_link_reaches_another_process(
    stores: tuple[SignInStore, SignInStore],
) -> None:
    """The link and its guests end, and a new link is another one. Other users stay signed in."""
    one, other = stores
    one.open_share_link()
    one.put_session(SESSION)
    one.put_session(GUEST)
    other.refresh_if_changed()
    old = other.share_link
    assert old == one.share_link != ""
    one.end_share_link()
    assert other.refresh_if_changed()
    assert (other.share_link, set(other.sessions)) == ("", {SESSION.key})
    other.open_share_link()
    assert one.refresh_if_changed()
    assert one.share_link == other.share_link != old


def test_no_guest_comes_in_after_the_link_ended_elsewhere(database: str) -> None:
    """A process that still offers the link refuses it after one refresh, and an empty one too."""
    with closing(Login(WaysIn(guests=True), b"", SignInStore(database), TIMES, CLOCK)) as login:
        link = login.share_link
        shown = login.guest(link)
        assert login.by_cookie(shown or "") is not None
        with closing(SignInStore(database)) as other:
            other.end_share_link()
        assert login.refresh()
        assert login.by_cookie(shown or "") is None
        assert login.guest(link) is login.guest("") is None


def test_times_of_last_use_of_two_processes_are_merged(
    stores: tuple[SignInStore, SignInStore],
) -> None:
    """The later time wins in both, whichever process writes first."""
    one, other = stores
    one.put_session(SESSION)
    one.put_token(TOKEN, 50, bool)
    other.refresh_if_changed()
    for store, session, token, named in ((one, 7.0, 3.0, 5.0), (other, 4.0, 6.0, 8.0)):
        store.touch(SESSION.key, session)
        store.touch(TOKEN.key, token)
        store.note_named("ben", named)
    for store in (one, other, one):
        store.refresh()
    for store in stores:
        assert store.sessions[SESSION.key].seen == 7.0
        assert store.access_tokens[TOKEN.key].used == 6.0
        assert store.named == {"ben": 8.0}


def test_processes_write_at_the_same_time(stores: tuple[SignInStore, SignInStore]) -> None:
    """No change is lost, and both processes know all of them after one refresh."""

    def sign_in(store: SignInStore, name: str) -> None:
        for number in range(20):
            key = f"{name} {number}"
            store.put_session(BrowserSession(key, name, "password", "", 1.0, 1.0))
            store.refresh_if_changed()

    threads = [
        threading.Thread(target=sign_in, args=(store, f"{place} {turn}"))
        for place, store in enumerate(stores)
        for turn in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.refresh_if_changed()
        assert len(store.sessions) == 80


def test_a_user_of_the_provider_is_known_to_another_process(database: str) -> None:
    """A sign-in at one process is valid at the other after one refresh, with the user's name."""
    settings = OpenIDSettings("https://id.example", "forms", "", "Example", ("*",))
    person = OpenIDPerson("1", settings.issuer, "Anna Berg", "anna", "", ("artists",), CLOCK())

    def opened() -> Login:
        ways = WaysIn(openid=OpenIDPeople(settings, database))
        return Login(ways, b"", SignInStore(database), TIMES, CLOCK)

    one, other = opened(), opened()
    shown = one.openid(person)
    assert other.refresh()
    who = other.by_cookie(shown or "")
    assert who is not None
    assert other.shown_name(who) == "Anna Berg"
    CLOCK.now += TIMES.lasts + 1
    one.keep()
    assert other.refresh()
    assert other.by_cookie(shown or "") is None
    for login in (one, other):
        login.close()
        assert login.ways.openid is not None
        assert login.ways.openid.people == {}
        login.ways.openid.close()


def test_users_stay_signed_in_while_the_database_is_away(
    away: tuple[str, Callable[[bool], None]],
) -> None:
    """The app reads from memory. Changes are refused with a sentence that names no server, and
    work as soon as the database is back. A use in between isn't lost."""
    database, switch = away
    store = SignInStore(database)
    store.put_session(SESSION)
    switch(True)
    for attempt in (store.refresh_if_changed, store.refresh, store.end_share_link):
        store.touch(SESSION.key, 9.0)
        with pytest.raises(SignInStoreError, match="isn't working") as problem:
            attempt()
        assert problem.value.shown == f"{problem.value} Try again in a moment."
    assert store.sessions[SESSION.key].seen == 9.0
    switch(False)
    assert not store.refresh_if_changed()
    store.put_token(TOKEN, 50, bool)
    store.close()
    with closing(SignInStore(database)) as store:
        assert (store.sessions[SESSION.key].seen, len(store.access_tokens)) == (9.0, 1)


def test_another_programs_tables_are_left_alone(database: str) -> None:
    """The app refuses a database whose tables have the same names."""
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE sessions (id INTEGER)"))
    engine.dispose()
    with pytest.raises(ComfyError, match="not created by this program"):
        SignInStore(database)


def test_sign_ins_are_beside_the_history(tmp_path: Path) -> None:
    """A database on a server has both. A SQLite history, wherever it is, leaves the sign-ins in the
    data folder."""
    own = f"sqlite:///{tmp_path}/sign_in.sqlite"
    assert sign_in_address("", tmp_path) == own
    assert sign_in_address("sqlite:////srv/history.db", tmp_path) == own
    server = "postgresql+psycopg://forms@box/forms"
    assert sign_in_address(server, tmp_path) == server


def test_a_shell_revokes_a_token_in_the_database(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The running app notices it."""
    where = ["--data", str(tmp_path)]
    if database.startswith("sqlite"):
        database = sign_in_address("", tmp_path)
    else:
        where += ["--database", database]
    with closing(SignInStore(database)) as store:
        store.put_token(TOKEN, 50, bool)
        assert app.main(["token", "list", *where]) == 0
        assert "nightly" in capsys.readouterr().out
        assert app.main(["token", "revoke", TOKEN.id, *where]) == 0
        assert store.refresh_if_changed()
        assert not store.access_tokens


def test_a_process_ends_no_session_of_users_it_does_not_know(database: str) -> None:
    """For example, a restart with one more user has reached only the other process so far."""
    known = WaysIn((("anna", "lighthouse"),)), WaysIn((("anna", "lighthouse"), ("ben", "harbour")))
    one, other = (Login(ways, b"", SignInStore(database), TIMES, CLOCK) for ways in known)
    with closing(one), closing(other):
        shown = other.password("ben", "harbour") or ""
        one.keep()
        assert one.by_cookie(shown) is None
        other.refresh()
        assert other.by_cookie(shown) is not None
