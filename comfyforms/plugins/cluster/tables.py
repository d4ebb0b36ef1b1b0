"""Tables of a cluster: unfinished runs, turns and processes. The history is in
`comfy.records.tables`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Double,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    event,
    false,
    func,
    select,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection

from comfy.records.database import Schema, make_tables
from comfy.records.tables import ROWS, Bounded, Unowned, transaction, version_table

cluster_tables = MetaData()
_version = version_table("cluster", cluster_tables)

# Settings that let the database soon notice that a process is frozen or that its machine has
# vanished, and ends the process's locks. All processes may have to wait until then.
_SESSION = (
    "SET idle_in_transaction_session_timeout = 3000",  # milliseconds; less than `ABSENT`
    "SET tcp_keepalives_idle = 10",  # seconds
    "SET tcp_keepalives_interval = 3",
    "SET tcp_keepalives_count = 3",
)

# Key of the Postgres lock under which one process at a time changes the order or takes over runs.
_LOCK = 0x636F6D667A

# Unfinished runs; the row is deleted in the transaction that records the end.
# `owner`, `turn`: digests, see `comfy.records.tables`. `position`, `rank`: see
# `comfy.runs.line.order.WaitingRow`. `attempt`: number of hand-overs between processes, `taken`:
# number of processes that have begun to execute it; only the last one may write. `process`: the
# life of the process that executes it. `server`: NULL while the run waits. `over`: the server has
# finished the prompt. `cancel`: JSON of the reason, or `rows.IF_WAITING`; NULL unless the run is to
# be stopped. `number`: counts the states of this `taken`.
live = Table(
    "live",
    cluster_tables,
    Column("run", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("turn", String(64), nullable=False),
    Column("position", Double, nullable=False),
    Column("rank", Double, nullable=False, server_default=text("0")),
    Column("attempt", Integer, nullable=False, server_default=text("1")),
    Column("taken", Integer, nullable=False, server_default=text("0")),
    Column("process", Text),
    Column("server", Text),
    Column("accepted", Boolean, nullable=False, server_default=false()),
    Column("over", Boolean, nullable=False, server_default=false()),
    Column("cancel", Text),
    Column("watched", Boolean, nullable=False, server_default=false()),
    Column("deadline", Double),  # seconds since 1970
    Column("number", BigInteger, nullable=False, server_default=text("0")),
    Column("state", LargeBinary),
    info={ROWS: Bounded("owner", "The unfinished runs per person.")},
)

# Numbers that sort turn keys and owners: see `comfy.runs.line.order.Turns`. `key`: JSON.
turns = Table(
    "turns",
    cluster_tables,
    Column("key", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("last", Boolean, nullable=False, server_default=false()),
    info={ROWS: Unowned("Numbers, while runs wait.")},
)

# Batches and chains that a process executes. `owner`, `share`: digests, for limits. `process`: the
# life of the process; NULL if it has ended. `version` counts the stored states.
group_work = Table(
    "group_work",
    cluster_tables,
    Column("id", String(64), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("share", String(64), nullable=False),
    Column("process", Text),
    Column("version", BigInteger, nullable=False, server_default=text("0")),
    info={ROWS: Bounded("owner", "The unfinished batches and chains per person.")},
)

# Processes that are alive. `life`: unique for each start of a process. `version`: of the app.
processes = Table(
    "processes",
    cluster_tables,
    Column("life", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("seen", DateTime(timezone=True), nullable=False),
    Column("executes", Boolean, nullable=False),
    Column("version", Text, nullable=False, server_default=""),
    info={ROWS: Unowned("Processes that are alive.")},
)

# Work that one process does for all. `life`: of the process that does it.
roles = Table(
    "roles",
    cluster_tables,
    Column("role", Text, primary_key=True),
    Column("life", Text, nullable=False),
    info={ROWS: Unowned("One per role.")},
)

# ComfyUI servers that an administrator has drained, or taken back later. `url`: without
# credentials.
servers = Table(
    "servers",
    cluster_tables,
    Column("url", Text, primary_key=True),
    Column("drained", Boolean, nullable=False),
    info={ROWS: Unowned("One per server.")},
)

# Prompts to cancel once their server answers again. `life`: of the process that does so.
left_behind = Table(
    "left_behind",
    cluster_tables,
    Column("prompt", Text, primary_key=True),
    Column("url", Text, primary_key=True),
    Column("life", Text, nullable=False),
    info={ROWS: Unowned("Until the server answers again.")},
)

# Runs that stop without a page. `seen`: when a process last had a page that shows the run.
watching = Table(
    "watching",
    cluster_tables,
    Column("run", String(64), primary_key=True),
    Column("seen", DateTime(timezone=True), nullable=False),
    info={ROWS: Unowned("Unfinished runs.")},
)

CLUSTER_SCHEMA = Schema(
    "queue", cluster_tables, _version, frozenset((live.name, turns.name, processes.name))
)


def limit_silence(engine: Engine) -> None:
    """Have the database end the transactions of this process if it is frozen or vanishes."""
    event.listen(engine, "connect", _limit_silence)
    engine.dispose()  # connections from before


def _limit_silence(connection: DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    for setting in _SESSION:
        cursor.execute(setting)
    cursor.close()
    connection.commit()


def make_cluster_tables(engine: Engine) -> None:
    """Create the tables, or upgrade them, one process at a time. Raises ComfyError if a newer
    version has upgraded them."""
    with transaction(engine) as connection:
        lock(connection)
        make_tables(connection, CLUSTER_SCHEMA)


def lock(connection: Connection) -> None:
    """Wait until no other process holds the cluster's lock, and hold it until the transaction
    ends."""
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
