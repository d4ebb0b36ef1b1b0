"""Links of all users, which administrators can end without seeing what they show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from comfy.base.errors import RunNotFound
from comfy.base.messages import message
from comfy.records.store import RunStore
from comfy.records.tables import digest
from ui.administration.audit_log import Actor, AuditLog

LinkKind = Literal["results", "album"]
_WITHOUT_ACCOUNT = message("Without an account")


@dataclass(frozen=True, slots=True)
class LinkRow:
    """Link to shared results, or of guests to an album. `id`: a digest; `owner`: their name;
    `until`: seconds since 1970, None for no end."""

    id: str
    kind: LinkKind
    owner: str
    until: float | None


@dataclass(frozen=True, slots=True)
class LinkActions:
    """Links of all users. `name_of`: returns the name of an owner's account, "" without one.
    Methods raise ComfyError if the history can't be used."""

    history: RunStore
    name_of: Callable[[str], str]
    audit: AuditLog

    def all(self) -> tuple[LinkRow, ...]:
        """Return the links that haven't ended, by owner."""
        rows = [row for row, _ in self._found()]
        return tuple(sorted(rows, key=lambda one: (one.owner.casefold(), one.kind, one.id)))

    def end(self, actor: Actor, key: str) -> None:
        """End the link with this id. Raises RunNotFound."""
        row, end = next((one for one in self._found() if one[0].id == key), (None, None))
        if row is None or end is None:
            raise RunNotFound
        end()
        names = {"person": actor.name, "name": row.owner}
        self.audit.note(actor, message("{person} ended a link of {name}.", **names))

    def _found(self) -> Iterator[tuple[LinkRow, Callable[[], None]]]:
        """Yield the links, each with the function that ends it."""
        shared, albums = self.history.shared, self.history.albums
        links = shared.owners()
        owners = self.history.administration.usage.owners({*links.values()})
        for token, key in links.items():
            name = self.name_of(owners.get(key, "")) or _WITHOUT_ACCOUNT
            yield LinkRow(_id(token), "results", name, None), partial(shared.end, token)
        for link, album in albums.all_links():
            row = LinkRow(_id(link.token), "album", album.by or _WITHOUT_ACCOUNT, link.expires_at)
            yield row, partial(albums.end_link, album.id)


def _id(token: str) -> str:
    return digest(token)[:24]
