"""Claims from a provider, and the users that they admit."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.accounts.login import sign_in_address
from ui.accounts.openid_people import OpenIDPerson, OpenIDSettings, fits, person_of, space_openid
from ui.accounts.openid_provider import SignInAttempt, opened_attempt
from ui.accounts.openid_store import OpenIDPeople
from ui.settings.folders import SIGN_INS

SETTINGS = OpenIDSettings("https://id.example", "forms", "", "Example", ("*",))
ANNA = {
    "sub": "1",
    "name": "Anna Berg",
    "preferred_username": "anna",
    "email": "Anna@Example.org",
    "email_verified": True,
    "groups": ["artists"],
}
SPACE = {
    "OPENID_PROVIDER_URL": "https://huggingface.co",
    "OAUTH_CLIENT_ID": "forms",
    "OAUTH_CLIENT_SECRET": "hush",
    "OAUTH_SCOPES": "openid profile",
    "SPACE_HOST": "ann-forms.hf.space",
}


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        ("*", True),
        ("anna@example.org", True),
        ("@example.org", True),
        ("group:artists", True),
        ("user:anna", True),
        ("ann@example.org", False),
        ("@xample.org", False),
        ("@org", False),
        ("group:Artists", False),
        ("user:Anna Berg", False),
        ("group:", False),
        ("", False),
    ],
)
def test_a_rule_matches_only_verified_attributes(rule: str, meant: bool) -> None:
    """A rule matches attributes that belong to one person. It ignores names that users choose
    themselves."""
    assert fits(rule, person_of(ANNA, SETTINGS, 0)) == meant


def test_an_unverified_address_identifies_no_one() -> None:
    """Any user could have typed an unverified address."""
    person = person_of(ANNA | {"email_verified": False}, SETTINGS, 0)
    assert not any(fits(rule, person) for rule in ("anna@example.org", "@example.org", "@", ""))


def test_a_users_id_depends_on_the_provider_but_not_the_name() -> None:
    """A run's owner doesn't change when that user's name changes."""
    anna = person_of(ANNA, SETTINGS, 0)
    assert person_of({"sub": "1", "name": "A. Hill"}, SETTINGS, 1).id == anna.id
    elsewhere = OpenIDSettings("https://id.example/2", "forms", "", "Example", ("*",))
    assert person_of(ANNA, elsewhere, 0).id != anna.id
    assert person_of(ANNA | {"sub": "2"}, SETTINGS, 0).id != anna.id


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
NAMES = ("name", "preferred_username", "email", "email_verified", "groups")


@given(st.fixed_dictionaries({"sub": st.text(min_size=1)}, optional=dict.fromkeys(NAMES, JSON)))
def test_any_claims_give_a_printable_name(
    tmp_path_factory: pytest.TempPathFactory, claims: dict[str, object]
) -> None:
    """The name is a single printable line."""
    person = person_of(claims, SETTINGS, 0)
    assert person.shown
    assert person.shown.isprintable()
    with closing(OpenIDPeople(SETTINGS)) as people:
        people.put(person)
        people.refresh()
        assert people.people == {person.id: person}
        people.forget(1)
        people.refresh()
        assert not people.people


class Interrupted(OpenIDPeople):
    """`OpenIDPeople` in which `arrival` signs in while the app reads or changes the known people:
    immediately if the file is writable then, otherwise as soon as it is."""

    arrival: threading.Thread | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(SETTINGS, sign_in_address("", path.parent))

    @property
    def people(self) -> dict[str, OpenIDPerson]:
        known = self._known
        self._interrupt()
        return known

    @people.setter
    def people(self, known: dict[str, OpenIDPerson]) -> None:
        self._interrupt()
        self._known = known

    def _interrupt(self) -> None:
        arrival, self.arrival = self.arrival, None
        if arrival is not None:
            locked = is_locked(self.path)
            arrival.start()
            if not locked:
                arrival.join()


def is_locked(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        try:
            other.execute("begin immediate")
        except sqlite3.OperationalError:
            return True
        return False


@pytest.mark.parametrize(
    "keep",
    [OpenIDPeople.refresh, lambda people: people.forget(1)],
    ids=["read again", "forget"],
)
def test_a_sign_in_during_a_file_refresh_is_kept(
    keep: Callable[[OpenIDPeople], None], tmp_path: Path
) -> None:
    """The app keeps a sign-in that arrives between reading the file and replacing the known
    people."""
    long_ago = person_of(ANNA, SETTINGS, 0)
    now = replace(long_ago, signed_in=100)
    with closing(Interrupted(tmp_path / SIGN_INS)) as people:
        people.put(long_ago)
        people.arrival = arrival = threading.Thread(target=people.put, args=(now,))
        keep(people)
        arrival.join()
        assert people.people == {now.id: now}
        people.refresh()
        assert people.people == {now.id: now}


@given(st.text(), st.binary(min_size=32, max_size=32))
def test_only_sign_in_attempts_sealed_by_this_app_are_accepted(text: str, key: bytes) -> None:
    """The app rejects an attempt sealed with another key, and any other text."""
    attempt = SignInAttempt("a", "b", "c", "/")
    sealed = attempt.sealed(key, 0)
    assert opened_attempt(sealed, key, 1) == attempt
    assert opened_attempt(sealed, key[::-1] + b"x", 1) is None
    assert opened_attempt(text, key, 1) is None


def test_the_variables_of_a_space_configure_hugging_face() -> None:
    """All of these variables are required. If one is missing, no user can sign in there."""
    told = space_openid(SPACE)
    assert told is not None
    assert (told.issuer, told.address) == ("https://huggingface.co", "https://ann-forms.hf.space")
    assert "hush" not in repr(told)
    for name in ("OPENID_PROVIDER_URL", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "SPACE_HOST"):
        assert space_openid(SPACE | {name: ""}) is None
