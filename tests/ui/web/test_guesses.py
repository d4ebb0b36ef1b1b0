"""Guessing passwords costs time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ui.accounts.store import FORGOTTEN_AFTER
from ui.web.guesses import (
    MOST_KEYS,
    MOST_LINES,
    NAME,
    PAUSE,
    SPRAYING,
    SPRAYING_PAUSE,
    Guesses,
    PasswordAttempt,
)
from ui.web.rates import MOST_RATES, Rate


def wrong(guesses: Guesses, name: str, address: str, many: int, now: float = 0.0) -> float:
    return [_wrong(guesses, PasswordAttempt(name, address), now) for _ in range(many)][-1]


def _wrong(guesses: Guesses, attempt: PasswordAttempt, now: float = 0.0) -> float:
    if not (wait := guesses.attempt(attempt, now)):
        guesses.fail(attempt)
    return wait


def test_waits_grow_and_have_an_end() -> None:
    """A few wrong passwords cause no wait. After that, each doubles the wait, up to a minute."""
    guesses, now, waits = Guesses(), 0.0, []
    for _ in range(NAME.free + 10):
        wait = guesses.attempt(PasswordAttempt("anna", "10.0.0.5"), now)
        waits.append(wait)
        now += wait
        if wait:
            assert guesses.attempt(PasswordAttempt("anna", "10.0.0.5"), now) == 0.0
    assert waits[: NAME.free + 1] == [0.0] * (NAME.free + 1)
    assert waits[NAME.free + 1 : NAME.free + 4] == [1.0, 2.0, 4.0]
    assert max(waits) == NAME.longest


def test_simultaneous_guesses_count_one_by_one() -> None:
    """An attempt counts when it starts. Out of a hundred simultaneous attempts, the app checks only
    a few."""
    guesses = Guesses()
    assert (
        sum(guesses.attempt(PasswordAttempt("anna", "10.0.0.5"), 0.0) == 0.0 for _ in range(100))
        == NAME.free + 1
    )


def test_guesses_do_not_delay_other_users_or_addresses() -> None:
    """Wrong guesses delay neither the user at another address nor other user names at the same
    address."""
    guesses = Guesses()
    assert wrong(guesses, "anna", "10.0.0.5", 20) > 0
    assert guesses.attempt(PasswordAttempt("anna", "10.0.0.6"), 0.0) == 0.0
    assert guesses.attempt(PasswordAttempt("ben", "10.0.0.5"), 0.0) == 0.0


def test_guesses_over_many_names_are_slowed() -> None:
    """Trying one password for every name is guessing too. Each attempt then takes longer, and the
    app refuses no name because of another."""
    guesses, last = Guesses(), PasswordAttempt("anna", "10.0.0.5")
    assert guesses.pause(last, 0.0) == PAUSE
    for number in range(SPRAYING + 1):
        assert guesses.attempt(PasswordAttempt(f"name {number}", "10.0.0.5"), 0.0) == 0.0
    assert guesses.attempt(last, 0.0) == 0.0
    assert guesses.pause(last, 0.0) == SPRAYING_PAUSE
    assert guesses.pause(PasswordAttempt("anna", "10.0.0.6"), 0.0) == PAUSE


def test_a_right_password_clears_its_own_name_only() -> None:
    """A user who mistyped starts over after signing in. A user with an account can't speed up
    guesses at other accounts."""
    guesses, own = Guesses(), PasswordAttempt("ben", "10.0.0.5")
    for number in range(2 * SPRAYING):
        guesses.attempt(PasswordAttempt(f"name {number}", "10.0.0.5"), 0.0)
        assert guesses.attempt(own, 0.0) == 0.0
        guesses.right(own)
    assert guesses.pause(own, 0.0) == SPRAYING_PAUSE
    for _ in range(2):
        assert wrong(guesses, "anna", "10.0.0.6", NAME.free + 1) == 0.0
        guesses.right(PasswordAttempt("anna", "10.0.0.6"))


def test_a_known_browser_has_a_back_off_of_its_own() -> None:
    """Guesses at the same name and address don't delay the browser, but its own wrong passwords
    do."""
    guesses, own = Guesses(), PasswordAttempt("anna", "10.0.0.5", "her browser")
    assert wrong(guesses, "anna", "10.0.0.5", 100) > 0
    waits = [guesses.attempt(own, 0.0) for _ in range(NAME.free + 2)]
    assert waits == [0.0] * (NAME.free + 1) + [1.0]


def test_guesses_are_forgotten() -> None:
    """After a quarter of an hour without an attempt, the app forgets earlier guesses."""
    guesses = Guesses()
    assert wrong(guesses, "anna", "10.0.0.5", 20) > 0
    assert guesses.attempt(PasswordAttempt("anna", "10.0.0.5"), FORGOTTEN_AFTER + 1) == 0.0
    assert wrong(guesses, "anna", "10.0.0.5", NAME.free, FORGOTTEN_AFTER + 1) == 0.0


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.floats(0, 100)), max_size=60
    )
)
def test_waits_are_always_bounded(attempts: list[tuple[str, str, float]]) -> None:
    """No sequence of attempts causes a wait of more than a minute."""
    guesses, now = Guesses(), 0.0
    for name, address, pause in attempts:
        now += pause
        assert 0.0 <= guesses.attempt(PasswordAttempt(name, address), now) <= NAME.longest


def test_memory_is_bounded() -> None:
    """When there are too many names and addresses, the app forgets the oldest ones. A report adds
    up the remaining addresses."""
    guesses, rate = Guesses(), Rate(1, 1.0)
    assert wrong(guesses, "anna", "10.0.0.5", NAME.free + 2) > 0
    assert [rate.take("10.0.0.5", 0.0) for _ in range(2)] == [True, False]
    for number in range(2 * max(MOST_KEYS, MOST_RATES)):
        _wrong(guesses, PasswordAttempt(f"name {number}", f"address {number}"))
        rate.take(f"address {number}", 0.0)
    assert guesses.attempt(PasswordAttempt("anna", "10.0.0.5"), 0.0) == 0.0
    assert rate.take("10.0.0.5", 0.0)
    assert guesses.report()[-1].sentence.endswith(
        f"from {MOST_KEYS + 1 - MOST_LINES} other names or addresses."
    )


def test_a_report_has_a_limited_number_of_lines() -> None:
    """The report says how many attempts failed per address and user. It shows no other typed text,
    and it resets each time."""
    guesses = Guesses()
    wrong(guesses, "a password typed as a name", "10.0.0.5", 12)
    _wrong(guesses, PasswordAttempt("anna", "10.0.0.5", is_user=True))
    report = guesses.report()
    assert [*map(tuple, report)] == [("", "10.0.0.5", 12), ("anna", "10.0.0.5", 1)]
    assert report[0].sentence == "12 failed sign-ins from 10.0.0.5."
    assert report[1].sentence == "1 failed sign-in as anna from 10.0.0.5."
    assert guesses.report() == []
    for number in range(200):
        wrong(guesses, "anna", f"10.0.1.{number}", 3)
    lines = guesses.report()
    assert len(lines) == MOST_LINES + 1
    assert lines[-1].sentence == "585 failed sign-ins from 195 other names or addresses."


def test_right_passwords_are_not_reported() -> None:
    """The report leaves out successful attempts, also if it's due while a password is hashed, and
    a later failed one counts."""
    guesses, attempt = Guesses(), PasswordAttempt("anna", "10.0.0.5")
    guesses.attempt(attempt, 0.0)
    assert guesses.report() == []
    guesses.right(attempt)
    _wrong(guesses, attempt)
    assert [one.number for one in guesses.report()] == [1]


def test_a_rate_limit_applies_per_key() -> None:
    """A key has a burst limit and regains one attempt per interval. Another key has its own
    limit."""
    rate = Rate(3, 10.0)
    assert [rate.take("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert rate.take("b", 0.0)
    assert [rate.take("a", 9.0), rate.take("a", 10.0), rate.take("a", 10.0)] == [False, True, False]
