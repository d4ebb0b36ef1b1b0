"""Links of all users, which administrators can end without seeing what they show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from comfy.base.errors import RunNotFound
from comfy.base.messages import message
from comfy.records.store import RunStore
from comfy.records.tables import digest
from ui.administration.audit_log import Actor, AuditLog

_RESULTS = "results"
_WITHOUT_ACCOUNT = message("Without an account")


@dataclass(frozen=True, slots=True)
class PluginLink:
    """Link that opens something of a plugin's without an account. `owner`: the name of who made it,
    "" for people without an account; `until`: seconds since 1970, None for no end; `end`: ends
    it."""

    token: str
    owner: str
    until: float | None
    end: Callable[[], None]


@dataclass(frozen=True, slots=True)
class PluginLinks:
    """Links that administrators can list and end. `kind`: their name in JSON, and `label`: for
    people. `all`: returns those that haven't ended, and may raise ComfyError."""

    kind: str
    label: str
    all: Callable[[], Iterable[PluginLink]]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """Link to shared results, or of a plugin. `id`: a digest; `owner`: their name; `until`: seconds
    since 1970, None for no end."""

    id: str
    kind: str
    owner: str
    until: float | None


@dataclass(frozen=True, slots=True)
class LinkActions:
    """Links of all users. `name_of`: returns the name of an owner's account, "" without one;
    `of_plugins`: further links. Methods raise ComfyError if the history can't be used."""

    history: RunStore
    name_of: Callable[[str], str]
    audit: AuditLog
    of_plugins: Sequence[PluginLinks] = ()

    @property
    def labels(self) -> Mapping[str, str]:
        """Return the names of the kinds for people."""
        own = {_RESULTS: message("Shared results")}
        return own | {one.kind: one.label for one in self.of_plugins}

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
        shared = self.history.shared
        links = shared.owners()
        owners = self.history.administration.usage.owners({*links.values()})
        for token, key in links.items():
            name = self.name_of(owners.get(key, "")) or _WITHOUT_ACCOUNT
            yield LinkRow(_id(token), _RESULTS, name, None), partial(shared.end, token)
        for part in self.of_plugins:
            for one in part.all():
                row = LinkRow(_id(one.token), part.kind, one.owner or _WITHOUT_ACCOUNT, one.until)
                yield row, one.end


def _id(token: str) -> str:
    return digest(token)[:24]
