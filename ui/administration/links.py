"""Links of all users, which administrators can end without seeing what they show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from comfy.base.errors import RunNotFound
from comfy.base.messages import Message, message
from comfy.records.store import RunStore
from comfy.records.tables import digest
from ui.administration.audit_log import Actor, AuditLog
from ui.administration.servers import workflow_title
from ui.web.identity import Identity

_RESULTS = "results"
_WITHOUT_ACCOUNT = message("Without an account")


@dataclass(frozen=True, slots=True)
class PluginLink:
    """Link that opens something of a plugin's without an account. `owner`: the name of who made it,
    "" for people without an account; `until`: seconds since 1970, None for no end; `end`: ends
    it; `about`: what it opens and, after " · ", allows; `address`: where administrators see that,
    below the app's, "" if they may not; `results`: how many it shows, None if that isn't known."""

    token: str
    owner: str
    until: float | None
    end: Callable[[], None]
    about: str = ""
    address: str = ""
    results: int | None = None


@dataclass(frozen=True, slots=True)
class LinkEnding:
    """Words for ending a link. `button`: opens the `question`, which has a {name}; `answer`: the
    button that ends the link; `after`: what follows; `event`: for the log, with {person}."""

    button: str = message("End…")
    question: str = message("End this link of {name}?")
    answer: str = message("End")
    after: str = message("You can't undo this.")
    event: str = message("{person} ended a link of {name}: “{title}”.")


@dataclass(frozen=True, slots=True)
class LinkKind:
    """Kind of links. `kind`: its name in JSON, and `label`: for people."""

    kind: str
    label: str
    ending: LinkEnding = field(default=LinkEnding(), kw_only=True)


@dataclass(frozen=True, slots=True)
class PluginLinks(LinkKind):
    """Links that administrators can list and end. `all`: returns those that haven't ended, and may
    raise ComfyError."""

    all: Callable[[], Iterable[PluginLink]]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """Link to shared results, or of a plugin. `id`: a digest; `owner`: their name; `until`: seconds
    since 1970, None for no end; `needs_sign_in`: it opens for users only; `newest`: when the last
    of its results was made, None for a plugin's; `results`, `about`, `address`: see
    `PluginLink`."""

    id: str
    kind: str
    owner: str
    until: float | None
    needs_sign_in: bool
    results: int | None = None
    newest: float | None = None
    about: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class LinkActions:
    """Links of all users. `of_plugins`: further links. Methods raise ComfyError if the history
    can't be used."""

    history: RunStore
    identity: Identity
    audit: AuditLog
    of_plugins: Sequence[PluginLinks] = ()

    @property
    def kinds(self) -> Mapping[str, LinkKind]:
        """Return the kinds by their names in JSON."""
        own = LinkKind(_RESULTS, message("Shared results"))
        return {one.kind: one for one in (own, *self.of_plugins)}

    def all(self, viewer: str = "") -> tuple[LinkRow, ...]:
        """Return the links that haven't ended, by owner, without removed users' links,
        which show nothing. `viewer`: the owner whose own shared results have an address."""
        rows = [row for row, _ in self._found(viewer, removed=False)]
        return tuple(sorted(rows, key=lambda one: (one.owner.casefold(), one.kind, one.id)))

    def end(self, actor: Actor, key: str) -> None:
        """End the link with this id. Raises RunNotFound."""
        links = self._found(removed=False)
        row, end = next((one for one in links if one[0].id == key), (None, None))
        if row is None or end is None:
            raise RunNotFound
        end()
        kind = self.kinds[row.kind]
        title = row.about if row.kind == _RESULTS and row.about else kind.label
        names = {"person": actor.name, "name": row.owner, "title": title}
        self.audit.note(actor, Message(kind.ending.event, "", names))

    def end_removed(self, name: str) -> None:
        """End the links of a removed user for good: a new user may get the name."""
        for row, end in self._found(removed=True):
            if row.owner == name:
                end()

    def _found(
        self, viewer: str = "", *, removed: bool
    ) -> Iterator[tuple[LinkRow, Callable[[], None]]]:
        """Yield the links of removed users, or all others, each with the function that ends it."""
        shared, identity = self.history.shared, self.identity
        needs_sign_in = identity.login is not None
        links = shared.all()
        owners = self.history.administration.usage.owners({one.owner for one in links})
        records = self.history.get_many({one.run for one in links}, None)
        for link in links:
            owner = owners.get(link.owner, "")
            if identity.is_removed(owner) == removed:
                name = identity.name_of(owner) or _WITHOUT_ACCOUNT
                about = workflow_title(records[link.run].job) if link.run in records else ""
                address = f"shared/{link.token}" if owner and owner == viewer else ""
                values = None, needs_sign_in, link.files, link.newest, about, address
                row = LinkRow(_id(link.token), _RESULTS, name, *values)
                yield row, partial(shared.end, link.token)
        for part in self.of_plugins:
            for one in part.all():
                if identity.is_removed_name(one.owner) == removed:
                    name = one.owner or _WITHOUT_ACCOUNT
                    facts = one.until, False, one.results, None, one.about, one.address
                    yield LinkRow(_id(one.token), part.kind, name, *facts), one.end


def _id(token: str) -> str:
    return digest(token)[:24]
