"""Users of the app: who they are, what they store, and changes by administrators. The users file is
the only place where users are added, removed and changed.

Figures for administrators: storage, what expires next, and runs by week and workflow.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Literal, Self

from comfy.base.errors import ComfyError
from comfy.base.messages import listed, message
from comfy.base.user_groups import GroupOf, no_groups, storage_of
from comfy.batches.queue import BatchQueue
from comfy.chains.queue import ChainQueue
from comfy.records.administration import EndedRun, Holding, PersonMonth
from comfy.records.api_keys import ApiKeys
from comfy.records.store import RunStore
from comfy.records.tables import digest
from comfy.runs.interface import RunRegistry
from ui.accounts.login import DAY, Login
from ui.accounts.users import Role, UnknownUser, UsersFile, same_name
from ui.administration.audit_log import Actor, AuditLog
from ui.administration.links import LinkActions
from ui.languages.current import translated
from ui.library import WorkflowLibrary

EXPIRING_DAYS = 7  # days in which results count as expiring
_WEEKS = 8
_HOUR, _HOURS = 3600.0, 24
_OTHERS = message("Users' own and removed workflows")
_RECENT_DAYS = 7  # that count as this week
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # without letters that look alike
_STOPPING = 5.0  # seconds for a removed user's runs to stop
_MOST_EARLIER = 50  # people whose results are still here
_GUESTS, _UNKNOWN_NAME = message("Guests"), message("Unknown name")
_NO_FILE = message("Sign-in with passwords is off.")
_NOT_YOURSELF = message("You can't remove yourself or change your own role.")
_ASK_ANOTHER = message("Ask another administrator.")
_OTHER_NAME = message("Delete them under “Guests and removed people” or choose another name.")
PersonWay = Literal["password", "settings", "provider", "proxy", "guests", "removed"]
_GROUPS, _GROUP = 4, 4  # 80 bits


@dataclass(frozen=True, slots=True)
class StorageFigures:
    """Storage of all users, in bytes. `keep_days`: the age at which results are deleted.
    `expiring_runs`, `expiring_bytes`: results that are deleted in the next seven days."""

    used_bytes: int
    limit_bytes: int
    disk_free_bytes: int
    disk_total_bytes: int
    keep_days: float
    expiring_runs: int
    expiring_bytes: int


@dataclass(frozen=True, slots=True)
class WorkflowUse:
    """Ended runs of a workflow in a week. `median_seconds`: of successful runs on the server, None
    without any."""

    title: str
    runs: int
    failed: int
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class UsageWeek:
    """Week of use. `start`: its first moment, in seconds since 1970."""

    start: float
    runs: int
    failed: int
    workflows: tuple[WorkflowUse, ...]


@dataclass(frozen=True, slots=True)
class HourUse:
    """Runs that ended in an hour, also deleted ones. `start`: its first moment, in seconds since
    1970; `wait`: the median seconds until the kept ones started on a server, None if none did."""

    start: float
    runs: int
    failed: int
    wait: float | None


@dataclass(frozen=True, slots=True)
class DayUse:
    """Use of the current hour and the 23 before, and how many people's runs these were."""

    hours: tuple[HourUse, ...]
    people: int


@dataclass(frozen=True, slots=True)
class PaidRuns:
    """Paid runs that a person started: in the last 24 hours (`day`) and 30 days (`month`). `name`:
    of the account; "" for all people without one, together."""

    name: str
    day: int
    month: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Reader of these figures. `name_of`: returns the name of an owner's account, "" without one.
    Methods raise ComfyError if the app keeps no history or can't read it."""

    history: RunStore
    library: WorkflowLibrary
    name_of: Callable[[str], str]

    def storage(self) -> StorageFigures:
        history = self.history
        usage, limits = history.administration.usage, history.limits
        _, expiring = usage.holdings(expires_before(history))
        disk = history.files.disk()
        return StorageFigures(
            int(usage.total_bytes()),
            limits.bytes,
            disk.free,
            disk.total,
            limits.days,
            sum(one.runs for one in expiring.values()),
            int(sum(one.bytes for one in expiring.values())),
        )

    def day(self) -> DayUse:
        """Return the use of the last 24 hours, oldest first."""
        start = (time.time() // _HOUR - _HOURS + 1) * _HOUR
        runs = self.history.administration.usage.ended_runs(start)
        return DayUse(
            tuple(
                _hour(at, [one for one in runs if at <= one.ended_at < at + _HOUR])
                for at in (start + number * _HOUR for number in range(_HOURS))
            ),
            len({one.owner for one in runs}),
        )

    def weeks(self) -> tuple[UsageWeek, ...]:
        """Return the last eight weeks, newest first."""
        history, starts = self.history, _week_starts(time.time())
        titles = {digest(one.name): one.title for one in self.library.all_entries()}
        found: list[dict[str, list[WorkflowUse]]] = [{} for _ in starts]
        for use in history.administration.usage.weeks(starts):
            title = titles.get(use.workflow, _OTHERS)
            row = WorkflowUse(title, use.runs, use.failed, use.median)
            found[use.week].setdefault(title, []).append(row)
        return tuple(
            _week(start, [_together(rows) for rows in by_title.values()])
            for start, by_title in reversed(list(zip(starts, found, strict=True)))
        )

    def paid_runs(self) -> tuple[PaidRuns, ...]:
        """Return the paid runs of each person who started some, most first."""
        people: dict[str, PaidRuns] = {}
        for use in self.history.state.paid_runs.uses():
            name = self.name_of(use.owner)
            before = people.get(name, PaidRuns(name, 0, 0))
            people[name] = PaidRuns(name, before.day + use.day, before.month + use.month)
        return tuple(sorted(people.values(), key=lambda one: (-one.month, one.name)))


def expires_before(history: RunStore) -> float:
    """Return the time before which runs ended that expire in the next seven days."""
    return time.time() + EXPIRING_DAYS * DAY - history.limits.days * DAY


def _hour(start: float, runs: list[EndedRun]) -> HourUse:
    waits = [one.waited for one in runs if one.waited is not None]
    failed = sum(one.failed for one in runs)
    return HourUse(start, len(runs), failed, median(waits) if waits else None)


def _week_starts(now: float) -> list[float]:
    """Return the first moments of the last eight weeks, which start on Monday, oldest first."""
    today = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday())
    return [(monday - timedelta(weeks=back)).timestamp() for back in reversed(range(_WEEKS))]


def _together(rows: list[WorkflowUse]) -> WorkflowUse:
    """Return the sum of workflows with the same title. They have a median only if there is one."""
    medians = [one.median_seconds for one in rows]
    return WorkflowUse(
        rows[0].title,
        sum(one.runs for one in rows),
        sum(one.failed for one in rows),
        medians[0] if len(rows) == 1 else None,
    )


def _week(start: float, rows: list[WorkflowUse]) -> UsageWeek:
    rows.sort(key=lambda one: (-one.runs, one.title))
    return UsageWeek(
        start, sum(one.runs for one in rows), sum(one.failed for one in rows), tuple(rows)
    )


@dataclass(frozen=True, slots=True)
class PersonRow:
    """User in the list. `name`: for people. `account`: tells users with the same name apart, "" if
    the name does. `way`: where the user comes from; "removed" for a user who is gone and has
    results left. `last_seen`: seconds since 1970, None for never. `bytes`: of their results;
    `runs_this_week`: in seven days, also deleted ones; `expiring_bytes`: of the results that are
    deleted in the next seven days. `groups`: their names; `assigned`: the groups in the users file,
    which decide about them. `limit_bytes`: of their results, from their groups. `also`: what else
    they have, in words."""

    name: str
    account: str
    way: PersonWay
    role: Role
    last_seen: float | None = None
    bytes: int = 0
    runs: int = 0
    runs_this_week: int = 0
    expiring_bytes: int = 0
    groups: tuple[str, ...] = ()
    assigned: tuple[str, ...] = ()
    limit_bytes: int | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupUse:
    """Storage and runs of a group's members. A member of several groups counts in each."""

    name: str
    people: int
    bytes: int
    runs: int
    runs_this_week: int


@dataclass(frozen=True, slots=True)
class NewPassword:
    """Answer to an action that sets a password. `password`: "" unless it was generated."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class People:
    """Users of an app, and what an administrator can change about them. `login`: None without
    sign-in. `operates`: returns whether an owner is an administrator. `groups`: the batches and the
    chains. `keys`: users' API keys. `group_of`: their groups. `assignable`: names of groups that
    administrators can put people in. Methods access the disk."""

    login: Login | None
    operates: Callable[[str], bool]
    runs: RunRegistry
    groups: tuple[BatchQueue, ChainQueue]
    audit: AuditLog
    links: LinkActions
    keys: ApiKeys | None = None
    group_of: GroupOf = no_groups
    assignable: tuple[str, ...] = ()

    @property
    def file(self) -> UsersFile:
        """Return the users file. Raises ComfyError without one."""
        if self.login is None or self.login.ways.file is None:
            raise ComfyError(_NO_FILE)
        return self.login.ways.file

    @property
    def can_change(self) -> bool:
        """Return whether users can be added and removed here."""
        return self.login is not None and self.login.ways.file is not None

    def all(self, earlier: str = "") -> list[PersonRow]:
        """Return all users by name, then guests and removed users who left anything, also the
        removed user `earlier`."""
        figures = _Figures.read(self.runs.history, time.time())
        people = [
            replace(figures.of(one, digest(owner)), limit_bytes=storage_of(self.group_of(owner)))
            for owner, one in self._known()
        ]
        people.sort(key=lambda one: one.name.casefold())
        named = {*self.audit.events.users(), f"user:{earlier}"}
        return [*people, *figures.others(filter(self.links.identity.is_removed, named))]

    def accounts(self) -> dict[str, str]:
        """Return the names of all accounts by owner, sorted by name, also of removed users whom the
        log of actions has."""
        identity = self.links.identity
        found = {owner: one.account or one.name for owner, one in self._known()}
        for owner in self.audit.events.users():
            if owner not in found and identity.is_removed(owner):
                name = identity.name_of(owner) or _UNKNOWN_NAME
                found[owner] = message("{name} (removed)", name=name)
        return dict(sorted(found.items(), key=lambda one: one[1].casefold()))

    def months(self) -> Iterator[PersonMonth]:
        """Yield the use of each account and of all guests together in each month."""
        names = {digest(owner): translated(name) for owner, name in self.accounts().items()}
        usage = self.runs.history.administration.usage
        return usage.months(lambda owner: names.get(owner, translated(_GUESTS)))

    def uses_of_groups(self) -> tuple[GroupUse, ...]:
        """Return the groups that have members, by name."""
        members = defaultdict[str, list[PersonRow]](list)
        for row in self.all():
            for name in row.groups:
                members[name].append(row)
        return tuple(
            GroupUse(
                name,
                len(rows),
                sum(one.bytes for one in rows),
                sum(one.runs for one in rows),
                sum(one.runs_this_week for one in rows),
            )
            for name, rows in sorted(members.items())
        )

    def add(
        self, actor: Actor, name: str, password: str, role: Role, groups: Sequence[str] = ()
    ) -> NewPassword:
        """Add a user. An empty password is generated. Raises ComfyError for a name that is taken,
        invalid, or a removed user's whose results are still here, and for a short password."""
        name, made = name.strip(), "" if password else _generated_password()
        in_settings = self.login.setting_names() if self.login is not None else ()
        if taken := same_name(name, (*self.file.users, *in_settings)):
            raise ComfyError(message("The user {name} already exists.", name=taken))
        if self.links.identity.is_removed(owner := f"user:{name}"):
            if self.runs.history.has_results(owner):
                sentence = message(
                    "“{name}” had an account whose results are still here.", name=name
                )
                raise ComfyError(sentence, _OTHER_NAME)
            self.runs.history.forget_person(owner)  # drafts of an earlier user
        self.file.add(name, password or made, role, groups)
        self.audit.note(actor, message("{person} added {name}.", person=actor.name, name=name))
        return NewPassword(name, made)

    def reset(self, actor: Actor, name: str, password: str) -> NewPassword:
        """Set a user's password, which ends their sessions and tokens. An empty password is
        generated. Raises UnknownUser, and ComfyError for a short password."""
        made = "" if password else _generated_password()
        self.file.set_password(name, password or made)
        self._end(name)
        names = {"person": actor.name, "name": name}
        self.audit.note(actor, message("{person} reset the password of {name}.", **names))
        return NewPassword(name, made)

    def set_role(self, actor: Actor, name: str, role: Role) -> None:
        """Change a user's role. Raises UnknownUser, and ComfyError for the administrator's own
        name."""
        self._not_own(actor, name)
        self.file.set_role(name, role)
        sentence = (
            message("{person} made {name} an administrator.", person=actor.name, name=name)
            if role == "operator"
            else message("{person} made {name} a user.", person=actor.name, name=name)
        )
        self.audit.note(actor, sentence)

    def set_groups(self, actor: Actor, name: str, groups: Sequence[str]) -> None:
        """Put a user in these groups and no others. Raises UnknownUser."""
        self.file.set_groups(name, groups)
        names = {"person": actor.name, "name": name, "groups": listed(groups) or "–"}
        self.audit.note(actor, message("{person} put {name} in groups: {groups}", **names))

    def remove(self, actor: Actor, name: str, *, results: bool) -> None:
        """Remove a user, stop their batches and chains, and end their sessions, tokens and links.
        `results`: also delete their results, batches, chains, presets and plugins' data, also of a
        user who was removed before. Raises UnknownUser, and ComfyError for the administrator's own
        name."""
        self._not_own(actor, name)
        if results and name not in self.file.users:
            self.delete_results(actor, name)
            return
        self.file.remove(name)
        self._end(name)
        self.links.end_removed(name)
        for queue in self.groups:
            for group in queue.of(f"user:{name}"):
                if not group.finished:
                    queue.stop(group.id, f"user:{name}")
        if self.keys is not None:
            self.keys.remove(f"user:{name}")
        self.audit.note(actor, message("{person} removed {name}.", person=actor.name, name=name))
        if results:
            self._delete_results(actor, name)

    def delete_results(self, actor: Actor, name: str) -> None:
        """Stop the runs of a user who is no longer in the users file, and delete all their results,
        batches, chains, presets and plugins' data. Raises UnknownUser for a user who can still
        sign in."""
        if self.login is None or self.login.knows(name, by_provider=False):
            raise UnknownUser(message("There is no user {name}.", name=name))
        self._delete_results(actor, name)

    def _delete_results(self, actor: Actor, name: str) -> None:
        owner = f"user:{name}"
        for queue in self.groups:  # first, because they start runs
            for group in queue.of(owner):
                queue.delete(group.id, owner)
        running = [run for run in self.runs.owned(owner) if not run.state.phase.finished]
        for run in running:
            run.cancel()
        end = time.monotonic() + _STOPPING
        for run in running:
            _wait(run.watch, end - time.monotonic())
        self.runs.history.forget_person(owner)
        names = {"person": actor.name, "name": name}
        self.audit.note(actor, message("{person} deleted the results of {name}.", **names))

    def _end(self, name: str) -> None:
        if self.login is not None:
            self.login.end_everything(name)

    def _not_own(self, actor: Actor, name: str) -> None:
        if actor.owner == f"user:{name}":
            raise ComfyError(_NOT_YOURSELF, _ASK_ANOTHER)

    def _known(self) -> Iterator[tuple[str, PersonRow]]:
        login = self.login
        if login is None:
            return
        seen = login.last_seen()

        def person(name: str, way: PersonWay) -> tuple[str, PersonRow]:
            owner = f"user:{name}"
            last = seen.get((name, "")) or None
            row = PersonRow(name, "", way, self._role(owner), last, groups=self._groups(owner))
            return owner, row

        names = login.ways.file.users if login.ways.file else {}
        for name, user in names.items():
            owner, row = person(name, "password")
            is_theirs = (row.last_seen or 0.0) >= user.added  # not of an earlier user with the name
            last = row.last_seen if is_theirs else None
            yield owner, replace(row, assigned=user.groups, last_seen=last)
        yield from (person(name, "settings") for name in login.setting_names())
        yield from (person(name, "proxy") for name in login.proxy_names())
        for id_, one in (login.ways.openid.people if login.ways.openid else {}).items():
            if login.knows(id_, by_provider=True):
                owner, last = f"openid:{id_}", seen.get((id_, "openid")) or one.signed_in
                row = PersonRow(one.shown, one.account, "provider", self._role(owner), last)
                yield owner, replace(row, groups=self._groups(owner))

    def _groups(self, owner: str) -> tuple[str, ...]:
        group = self.group_of(owner)
        return () if group is None else group.names

    def _role(self, owner: str) -> Role:
        return "operator" if self.operates(owner) else "user"


@dataclass(frozen=True, slots=True)
class _Figures:
    """Figures of owners by digest, until a row has taken them."""

    history: RunStore
    held: dict[str, Holding]
    lately: Counter[str]
    expiring: dict[str, Holding]
    also: dict[str, list[str]]

    @classmethod
    def read(cls, history: RunStore, now: float) -> Self:
        """Read the figures of all owners."""
        usage = history.administration.usage
        held, expiring = usage.holdings(expires_before(history))
        lately = Counter(one.owner for one in usage.ended_runs(now - _RECENT_DAYS * DAY))
        return cls(history, held, lately, expiring, usage.rows_in_words())

    def of(self, person: PersonRow, *owners: str) -> PersonRow:
        """Return the row with the figures of these owners, which no other row gets."""
        held = [self.held.pop(owner, Holding()) for owner in owners]
        soon = [self.expiring.pop(owner, Holding()) for owner in owners]
        return replace(
            person,
            bytes=int(sum(one.bytes for one in held)),
            runs=sum(one.runs for one in held),
            runs_this_week=sum(self.lately[owner] for owner in owners),
            expiring_bytes=int(sum(one.bytes for one in soon)),
            also=tuple(words for owner in owners for words in self.also.get(owner, ())),
        )

    def others(self, removed: Iterable[str]) -> Iterator[PersonRow]:
        """Yield the other owners: users by name, also those `removed` ones who left something other
        than results, and all guests together."""
        largest = sorted(self.held, key=lambda one: -self.held[one].bytes)[:_MOST_EARLIER]
        owners = self.history.administration.usage.owners(largest)
        owners |= {digest(one): one for one in removed if self.history.has_results(one)}
        for key, owner in owners.items():
            kind, _, name = owner.partition(":")
            if kind == "user":
                yield self.of(PersonRow(name, "", "removed", "user"), key)
        if self.held:
            yield self.of(PersonRow(_GUESTS, "", "guests", "user"), *list(self.held))


def _generated_password() -> str:
    """Return a new password that can be read out and typed, such as abcd-efgh-2345-jkmn."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def _wait(watch: Callable[[float], Iterator[object]], seconds: float) -> None:
    with suppress(TimeoutError):
        for _ in watch(max(0.0, seconds)):
            pass
