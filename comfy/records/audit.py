"""Events of the audit log: which user ran, published, shared, deleted, downloaded or reviewed
what, and which runs failed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

from sqlalchemy import (
    Column,
    Connection,
    Double,
    Engine,
    Index,
    Integer,
    String,
    Table,
    Text,
    column,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    tuple_,
    update,
)

from comfy.base.messages import Message, labeled, message, message_from_json, message_to_json
from comfy.base.wording import one_line
from comfy.comfyui.protocol.run_state import Phase
from comfy.records.people import forget_beyond, kept_values
from comfy.records.record import SENT_PROMPT, Record
from comfy.records.tables import (
    ROWS,
    Kept,
    digest,
    kept_columns,
    reading,
    share_of,
    tables,
    transaction,
)

AuditAction = Literal[  # "sign-in": a failed one, "signed-in": others
    "run",
    "failed",
    "publish",
    "share",
    "move",
    "delete",
    "download",
    "review",
    "administer",
    "account",
    "sign-in",
    "signed-in",
]
_OTHERS = column("action").not_in(("run", "administer", "sign-in"))

# `person`: the account as a JSON text; `owner`: the digest of the owner of runs, of "" for a guest
# with a name. `what`: a title, a path, or a message as JSON; `target`: a run's id, or "". `count`:
# of equal ones within a minute.
audit_events = Table(
    "audit_events",
    tables,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),  # seconds since 1970
    Column("owner", String(64), nullable=False),
    Column("person", Text, nullable=False),
    Column("action", String(16), nullable=False),
    Column("what", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("count", Integer, nullable=False, server_default=text("1")),
    *kept_columns(),
    Index("audit_events_of_owner", "owner", "action", "at"),
    Index("audit_events_by_age", "at"),
    Index("audit_events_by_share", "share", "owner", "at", "id", "size", "action"),
    info={
        ROWS: Kept(
            *("owner", "at", 1 / 16),
            goes=_OTHERS,
            stays="They are the administrators' records.",
        )
    },
)
DAY = 24 * 3600.0
_KEPT = 400 * DAY
_MINUTE = 60.0
_MOST, _MOST_OF_ADMINISTRATORS = 1_000_000, 100_000  # events
_LONGEST = 500  # characters of `what`
OWN_WORKFLOW = message("The user's own workflow")
GUEST = "guest:"  # begins the accounts of guests with a name
_NAME_STARTS = len('"user:') + 1  # in `person`
_PAGE = 1000  # rows per query
FOREVER = 1e12  # seconds since 1970


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Action of a user. `at`: seconds since 1970. `account`: the owner as in `Record`, or
    `GUEST` and a guest's name; `person`: the account's name, which isn't stored. Both are "" in a
    list for a guest without a name. `what`: a title, a request or a message. `run`: its id, or
    "". `count`: of equal downloads or failed sign-ins. `id`: where it stands in the list."""

    at: float
    person: str
    account: str
    action: AuditAction
    what: str
    run: str
    count: int = 1
    id: str = ""


@dataclass(frozen=True, slots=True)
class WantedEvents:
    """Filter of events: between two times, in seconds since 1970, and of an account, an action and
    with a text, "" for any. `oldest_first`: their order."""

    since: float = 0.0
    until: float = FOREVER
    account: str = ""
    action: AuditAction | Literal[""] = ""
    text: str = ""
    oldest_first: bool = False


class DayRuns(NamedTuple):
    """Runs of a person in 24 hours: their `number`, and when the `oldest` was started, in seconds
    since 1970, 0 without any."""

    number: int
    oldest: float


class AuditEvents:
    """Events in the history's database. All methods raise ComfyError if it can't be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(  # noqa: PLR0913 - the parts of an event
        self,
        owner: str,
        action: AuditAction,
        what: str,
        run: str = "",
        guest: str = "",
        address: str = "",
        count: int = 1,
    ) -> None:
        """Note an action. `guest`: the name of a person without an account; `address`: of an owner
        without one. Downloads and failed sign-ins count in an equal event of the last minute."""
        account = f"{GUEST}{guest}" if guest else owner
        event = AuditEvent(time.time(), "", account, action, what, run, count)
        columns, row = audit_events.c, _row_of(event, address)
        equal = [columns[key] == row[key] for key in ("owner", "person", "action", "what", "share")]
        is_recent = columns.at > event.at - _MINUTE
        equal += [is_recent, columns.action.in_(("download", "sign-in"))]
        sign_ins = columns.owner == row["owner"], columns.action == "signed-in", is_recent
        last = select(func.coalesce(func.max(columns.at), 0.0)).where(*sign_ins)
        equal.append(columns.at > last.scalar_subquery())  # a later failure stays later
        again = update(audit_events).where(*equal).values({"count": columns["count"] + count})
        with transaction(self._engine) as connection:
            if not connection.execute(again).rowcount:
                connection.execute(insert(audit_events).values(row))

    @staticmethod
    def add_run(connection: Connection, record: Record) -> None:
        """Note a finished run that was sent to a server, and neither lost nor stopped while it
        waited there, and a failed one with the reason, in the transaction that stores its end. The
        title of a prompt that a program sent is a user's text, which isn't stored here."""
        job, state = record.job, record.state
        title = what = OWN_WORKFLOW if job.workflow == SENT_PROMPT else job.title
        events: list[tuple[float, AuditAction, str]] = []
        was_stopped = state.phase is Phase.STOPPED and state.started_at is None
        if record.sent and not was_stopped and state.phase is not Phase.LOST:
            if job.workflow not in (title, SENT_PROMPT):
                what = f"{title} ({job.workflow})"
            events.append((record.submitted_at, "run", what))
        if state.phase.failed:
            why = state.error.message if state.error else ""
            events.append((state.finished_at or time.time(), "failed", labeled(title, why)))
        for at, action, what in events:
            event = AuditEvent(at, "", record.owner, action, what, record.id)
            connection.execute(insert(audit_events).values(_row_of(event, record.address)))

    def runs_today(self, owner: str) -> DayRuns:
        """Return the finished runs that an owner started in the last 24 hours, also deleted ones,
        except those that a server lost."""
        events = audit_events.c
        own = (events.owner == digest(owner)) & (events.action == "run")
        query = select(func.count(), func.min(events.at)).where(own, events.at > time.time() - DAY)
        with reading(self._engine) as connection:
            number, oldest = connection.execute(query).one()
        return DayRuns(int(number), float(oldest or 0.0))

    def users(self) -> list[str]:
        """Return the owners of events who have or had an account."""
        events = audit_events.c
        newest = select(func.max(events.id)).group_by(events.owner)  # reads an index only
        person = events.person
        own = events.id.in_(newest), or_(*map(person.startswith, ('"user:', '"openid:')))
        with reading(self._engine) as connection:
            return [*map(json.loads, connection.scalars(select(events.person).where(*own)))]

    def of(self, wanted: WantedEvents, cursor: str = "") -> Iterator[AuditEvent]:
        """Yield the wanted events, after the one with the id `cursor`. That event may be
        deleted."""
        events = audit_events.c
        at, _, number = cursor.partition("-")
        last = tuple_(float(at), int(number)) if cursor else None
        query = select(audit_events).where(events.at >= wanted.since, events.at < wanted.until)
        if wanted.account:
            owner = "" if wanted.account.startswith(GUEST) else wanted.account
            query = query.where(events.owner == digest(owner))
            query = query.where(events.person == json.dumps(wanted.account))
        if wanted.action:
            query = query.where(events.action == wanted.action)
        if wanted.text:
            places = events.what, func.substr(events.person, _NAME_STARTS)
            texts = wanted.text, json.dumps(wanted.text)[1:-1]  # of a message, or a name
            query = query.where(
                or_(*(x.icontains(one, autoescape=True) for x in places for one in texts))
            )
        order = tuple_(events.at, events.id)
        up = wanted.oldest_first
        by = (events.at, events.id) if up else (events.at.desc(), events.id.desc())
        query = query.order_by(*by).limit(_PAGE)
        while True:
            with reading(self._engine) as connection:
                page = query
                if last is not None:
                    page = query.where(order > last if up else order < last)
                rows = connection.execute(page).all()
            for row in rows:
                action = cast("AuditAction", row.action)
                account, what = json.loads(row.person), _read(row.what)
                yield AuditEvent(
                    *(row.at, "", account, action, what, row.target),
                    count=row._mapping["count"],
                    id=f"{row.at!r}-{row.id}",
                )
            if len(rows) < _PAGE:
                return
            last = tuple_(rows[-1].at, rows[-1].id)

    def sweep(self) -> None:
        """Delete events that are too old or too many. Administrators' actions and failed sign-ins
        take no room from others, and the runs of a day stay, because `runs_today` counts them."""
        events, now = audit_events.c, time.time()
        rooms = (
            (events.action == "administer", _MOST_OF_ADMINISTRATORS),
            (events.action == "sign-in", _MOST_OF_ADMINISTRATORS),
            ((events.action == "run") & (events.at < now - DAY), _MOST),
            (_OTHERS, _MOST),
        )
        with transaction(self._engine) as connection:
            connection.execute(delete(audit_events).where(events.at < now - _KEPT))
            for which, most in rooms:
                forget_beyond(connection, audit_events, most, which, counts=True)


def workflow_of(what: str) -> str:
    """Return the name of the workflow in a run's `what`, as `AuditEvents.add_run` writes it."""
    return what.removesuffix(")").rpartition(" (")[2]


def _written(what: str) -> str:
    """Return a text as stored: a message as JSON, so that it can be translated."""
    if isinstance(what, Message) and len(what) <= _LONGEST:
        return json.dumps(message_to_json(what))
    return one_line(what[:_LONGEST])


def _read(text: str) -> str:
    data: object = text
    if text.startswith("{"):
        with suppress(ValueError):
            data = message_from_json(json.loads(text))
    found = data if isinstance(data, str) else text
    return found if found.isprintable() else one_line(found)


def _row_of(event: AuditEvent, address: str) -> dict[str, object]:
    row = {
        "at": event.at,
        "owner": digest("" if event.account.startswith(GUEST) else event.account),
        "person": json.dumps(event.account),
        "action": event.action,
        "what": _written(event.what),
        "target": event.run,
        "count": event.count,
    }
    return row | kept_values(row, share_of(address))
