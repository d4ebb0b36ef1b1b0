"""Wrong passwords that several processes count together, on SQLite and on Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.waiting import awaited
from ui.accounts.database import SignInDatabase
from ui.accounts.store import FORGOTTEN_AFTER, GuessCounts
from ui.web.guesses import NAME, PAUSE, SPRAYING, SPRAYING_PAUSE, Guesses, PasswordAttempt

ANNA = PasswordAttempt("anna", "10.0.0.5")
NOW = 1_800_000_000.0


@pytest.fixture
def processes(database: str) -> Iterator[tuple[Guesses, Guesses]]:
    """Return the counts of two processes with one database."""
    with closing(SignInDatabase(database)) as one, closing(SignInDatabase(database)) as other:
        yield Guesses(GuessCounts(one, b"key")), Guesses(GuessCounts(other, b"key"))


def tried(guesses: Guesses, attempt: PasswordAttempt, now: float) -> float:
    """Return the seconds that an attempt has to wait. At 0, it was made, with a wrong password."""

    async def try_out() -> float:
        if wait := guesses.attempt(attempt, now) or await guesses.wait_elsewhere(attempt, now):
            return wait
        await guesses.save_wrong(attempt, now)
        return 0.0

    return awaited(try_out())


def test_processes_count_wrong_passwords_together(processes: tuple[Guesses, Guesses]) -> None:
    """A guesser who alternates between processes waits as at a single one."""
    waits = [tried(processes[number % 2], ANNA, NOW) for number in range(NAME.free + 3)]
    assert waits == [0.0] * (NAME.free + 1) + [1.0, 1.0]
    assert [tried(one, ANNA, NOW + 1) for one in processes] == [0.0, 2.0]
    other_name = PasswordAttempt("ben", ANNA.address)
    assert tried(processes[1], other_name, NOW) == 0.0


def test_a_restart_forgets_no_wrong_password(database: str) -> None:
    """A new process knows the earlier attempts from the database until they are too old."""
    for started in range(NAME.free + 2):
        with closing(SignInDatabase(database)) as opened:
            wait = tried(Guesses(GuessCounts(opened, b"key")), ANNA, NOW)
            assert wait == (1.0 if started > NAME.free else 0.0)
    with closing(SignInDatabase(database)) as opened:
        guesses = Guesses(GuessCounts(opened, b"key"))
        later = NOW + FORGOTTEN_AFTER + 1
        awaited(guesses.forget(later))
        assert [tried(guesses, ANNA, later) for _ in range(NAME.free + 1)] == [0.0] * (
            NAME.free + 1
        )


def test_a_right_password_counts_at_every_process(processes: tuple[Guesses, Guesses]) -> None:
    """It clears its own name. The address keeps the failures of other names."""
    one, other = processes
    for _ in range(3):
        for _ in range(NAME.free):
            assert tried(one, ANNA, NOW) == 0.0
        assert tried(one, ANNA, NOW) == 0.0
        awaited(one.save_right(ANNA))
    for number in range(SPRAYING):
        assert tried(one, PasswordAttempt(f"name {number}", ANNA.address), NOW) == 0.0
    assert tried(other, ANNA, NOW) == 0.0
    assert other.pause(ANNA, NOW) == SPRAYING_PAUSE
    assert other.pause(PasswordAttempt("anna", "10.0.0.6"), NOW) == PAUSE


def test_a_wrong_password_at_the_same_moment_elsewhere_counts(
    processes: tuple[Guesses, Guesses],
) -> None:
    """No count is lost if two processes write at the same moment."""

    async def all_at_once() -> None:
        await asyncio.gather(
            *(one.save_wrong(ANNA, NOW) for _ in range(NAME.free) for one in processes)
        )

    awaited(all_at_once())
    wrong = 2 * NAME.free
    assert tried(processes[0], ANNA, NOW) == NAME.wait(wrong)


def test_memory_counts_while_the_database_is_away(database: str) -> None:
    """The process continues its own back-off."""
    opened = SignInDatabase(database)
    guesses = Guesses(GuessCounts(opened, b"key"))
    opened.close()
    waits = [tried(guesses, ANNA, NOW) for _ in range(NAME.free + 2)]
    assert waits == [0.0] * (NAME.free + 1) + [1.0]
    awaited(guesses.save_right(ANNA))
    assert tried(guesses, ANNA, NOW) == 0.0


def test_the_database_has_no_typed_text(database: str) -> None:
    """Users may type a password in the place of their name."""
    with closing(SignInDatabase(database)) as opened:
        tried(Guesses(GuessCounts(opened, b"key")), ANNA, NOW)
        with opened.writing() as rows:
            stored = rows.exec_driver_sql("SELECT * FROM guesses").all()
    assert len(stored) == 2
    assert not [row for row in stored if "anna" in str(row) or "10.0" in str(row)]


def test_a_clock_that_is_ahead_elsewhere_delays_little(processes: tuple[Guesses, Guesses]) -> None:
    """The wait is limited to that for the number of wrong passwords."""
    for _ in range(NAME.free + 1):
        tried(processes[0], ANNA, NOW + 600)
    assert tried(processes[1], ANNA, NOW) == 1.0
