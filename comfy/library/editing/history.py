"""Versions of a form's settings, as an immutable value. Pure."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Self

from pydantic import TypeAdapter, ValidationError

_MOST = 20  # versions
_MOST_TEXT = 2 * 2**20  # characters of all versions together


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
    any."""

    versions: tuple[Version, ...] = ()
    current: str = ""

    @classmethod
    def of_json(cls, text: str) -> Self:
        """Return the history in a JSON text; an empty one if it is damaged or empty."""
        try:
            history = TypeAdapter(cls).validate_json(text or "{}")
        except ValidationError:
            return cls()
        return history

    def to_json(self) -> str:
        """Return the history as JSON."""
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

    def synced(self, text: str | None, at: float) -> History:
        """Return the history with this text as the present version. Another text than the known one
        was changed outside of the editor."""
        if self.present and self.present.text == text:
            return self
        return self._with(Version(_new_id(), text, at, before=self.current))

    def saved(self, text: str | None, at: float, by: str) -> History:
        """Return the history after a user has saved this text."""
        if self.present and self.present.text == text:
            return self
        return self._with(Version(_new_id(), text, at, by, self.current, is_saved=True))

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
        versions = [*self.versions, version][-_MOST:]
        while len(versions) > 1 and sum(len(one.text or "") for one in versions) > _MOST_TEXT:
            del versions[0]
        return History(tuple(versions), version.id)


def _new_id() -> str:
    return secrets.token_hex(6)
