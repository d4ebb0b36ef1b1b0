"""Users who signed in through an OpenID provider, and which of them have access."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict

from sqlalchemy import delete, select

from comfy.records.tables import replace_row
from ui.accounts.database import SignInDatabase, openid_people
from ui.accounts.openid_people import OpenIDPerson, OpenIDSettings, fits


class OpenIDPeople:
    """Users who signed in through the provider. Their permissions follow from the current settings
    and the provider's last description. Thread-safe."""

    def __init__(self, settings: OpenIDSettings, address: str | None = None) -> None:
        """Open the database at a SQLAlchemy URL; None keeps the users in memory. Raises ComfyError
        if it can't be used."""
        self.settings = settings
        self.people: Mapping[str, OpenIDPerson] = {}
        self._database = SignInDatabase(address)
        self.refresh()

    def close(self) -> None:
        self._database.close()

    def refresh(self) -> None:
        """Reload the users, to include changes by another process."""
        with self._database.loading() as rows:
            documents = [json.loads(text) for text in rows.scalars(select(openid_people.c.person))]
            people = (OpenIDPerson(**one | {"groups": tuple(one["groups"])}) for one in documents)
            self.people = {person.id: person for person in people}

    def put(self, person: OpenIDPerson) -> None:
        """Store the provider's current description of a user."""
        with self._database.changing() as rows:
            row = {"id": person.id, "person": json.dumps(asdict(person))}
            replace_row(rows, openid_people, row)
            self.people = {**self.people, person.id: person}

    def forget(self, before: float) -> None:
        """Delete users whose last sign-in was before this time."""
        if all(person.signed_in >= before for person in self.people.values()):
            return
        with self._database.changing() as rows:
            gone = [person.id for person in self.people.values() if person.signed_in < before]
            rows.execute(delete(openid_people).where(openid_people.c.id.in_(gone)))
            self.people = {id: one for id, one in self.people.items() if id not in gone}

    def may_come(self, person: OpenIDPerson) -> bool:
        """Return whether the settings allow the user. Users of an earlier provider are never
        allowed."""
        rules = (*self.settings.allowed, *self.settings.operators)
        return person.issuer == self.settings.issuer and _any_fits(rules, person)

    def operates(self, person_id: str) -> bool:
        """Return whether a known user is an administrator."""
        person = self.people.get(person_id)
        if person is None or not self.may_come(person):
            return False
        return _any_fits(self.settings.operators, person)


def _any_fits(rules: Collection[str], person: OpenIDPerson) -> bool:
    return any(fits(rule, person) for rule in rules)
