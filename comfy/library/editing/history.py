"""Versions of a form's settings, as an immutable value. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Self

from pydantic import TypeAdapter, ValidationError

_MOST = 20  # versions
_MOST_TEXT = 2 * 2**20  # characters of all versions together
_TOGETHER = 10 * 60  # seconds between two saves that count as one change


@dataclass(frozen=True, slots=True)
class Version:
    """One state of the settings. `text`: the TOML, None without a file. `at`: seconds since 1970;
    `by`: the name of the user who saved it, "" if it was changed outside of the editor or the user
    has no name. `before`: the id of the version that it replaced. `is_saved`: by the editor."""

    id: str
    text: str | None
    at: float
    by: str = ""
    before: str = ""
    is_saved: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """The versions of one form, oldest first. `current`: the id of the present one, "" without
    any. `draft`: settings that aren't published."""

    versions: tuple[Version, ...] = ()
    current: str = ""
    draft: Version | None = None

    @classmethod
    def of_json(cls, text: str) -> Self:
        """Return the history in a JSON text; an empty one if it is damaged or empty."""
        try:
            history = TypeAdapter(cls).validate_json(text or "{}")
        except ValidationError:
            return cls()
        return history

    def to_json(self) -> str:
        return TypeAdapter(History).dump_json(self).decode()

    def get(self, version_id: str) -> Version | None:
        """Return the version with this id, None for an unknown id."""
        return next((one for one in self.versions if one.id == version_id), None)

    @property
    def present(self) -> Version | None:
        """Return the present version, None without any."""
        return self.get(self.current)

    @property
    def previous(self) -> Version | None:
        """Return the version before the present one, None without any."""
        return self.get(self.present.before) if self.present else None

    @property
    def original(self) -> Version | None:
        """Return the version before the first change by the editor, None if it is unknown."""
        first = next(iter(self.versions), None)
        return first if first and not first.is_saved and not first.before else None

    def changes(self) -> Iterator[tuple[Version, Version | None]]:
        """Yield the versions with those that they replaced, oldest first. Of successive versions
        that a user saved within a few minutes, only the last one is there."""
        start: Version | None = None
        listed: Version | None = None
        for version, after in zip_longest(self.versions, self.versions[1:]):
            start = start or version
            if after and version.id != self.current and _continues(version, after):
                continue
            yield version, self.get(start.before) or listed
            start, listed = None, version

    def synced(self, text: str | None, at: float) -> History:
        """Return the history with this text as the present version. Another text than the known one
        was changed outside of the editor."""
        if self.present and self.present.text == text:
            return self
        return self._with(Version(_new_id(), text, at, before=self.current))

    def saved(self, text: str | None, at: float, by: str) -> History:
        """Return the history after a user has published this text. The draft is gone."""
        history = replace(self, draft=None)
        if self.present and self.present.text == text:
            return history
        return history._with(Version(_new_id(), text, at, by, self.current, is_saved=True))

    def drafted(self, text: str, at: float, by: str) -> History:
        """Return the history with this text as the draft; without one if it is the present text."""
        is_new = text != ((self.present and self.present.text) or "")
        draft = Version(_new_id(), text, at, by, self.current, is_saved=True)
        return replace(self, draft=draft if is_new else None)

    def rewritten(self, text: str | None) -> History:
        """Return the history with this text in the place of the present version's."""
        versions = (
            replace(one, text=text) if one.id == self.current else one for one in self.versions
        )
        return replace(self, versions=tuple(versions))

    def undone(self) -> History:
        """Return the history with the previous version as the present one. Nothing is lost: the
        undone version can be restored."""
        return replace(self, current=self.previous.id) if self.previous else self

    def _with(self, version: Version) -> History:
        """Return the history with a new present version. The oldest ones are dropped, but not the
        original."""
        kept = [self.original] if self.original else []
        others = [one for one in (*self.versions, version) if one not in kept]
        del others[: -(_MOST - len(kept))]
        while len(others) > 1 and sum(len(one.text or "") for one in kept + others) > _MOST_TEXT:
            del others[0]
        return replace(self, versions=(*kept, *others), current=version.id)


def _continues(version: Version, after: Version) -> bool:
    return (
        version.is_saved
        and after.is_saved
        and after.before == version.id
        and after.by == version.by
        and after.at - version.at < _TOGETHER
    )


def _new_id() -> str:
    return secrets.token_hex(6)
