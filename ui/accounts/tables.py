"""Tables of sign-ins. With SQLite they are in a file of their own, otherwise beside the history."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Integer, MetaData, String, Table, Text

from comfy.records.database import Schema

_tables = MetaData()

# The table that alembic expects.
_version = Table("sign_in_version", _tables, Column("version_num", String(32), primary_key=True))

# The number of changes to the other tables, in one row. A process that knows another number reads
# them again. Use times and wrong passwords don't count as changes.
changes = Table(
    "sign_in_changes",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

# The columns of `ui.accounts.store.BrowserSession`.
sessions = Table(
    "sessions",
    _tables,
    Column("key", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("way", String(16), nullable=False),
    Column("proof", Text, nullable=False),
    Column("began", Double, nullable=False),
    Column("seen", Double, nullable=False),
)

# The columns of `ui.accounts.store.AccessToken`.
access_tokens = Table(
    "access_tokens",
    _tables,
    Column("key", String(64), primary_key=True),
    Column("id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("way", String(16), nullable=False),
    Column("proof", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("made", Double, nullable=False),
    Column("used", Double, nullable=False),
)

# At most one row.
share_link = Table("share_link", _tables, Column("token", String(64), primary_key=True))

# Users whom a trusted proxy named, with the last time in seconds since 1970.
named_by_proxy = Table(
    "named_by_proxy",
    _tables,
    Column("key", String(64), primary_key=True),  # digest of the name
    Column("name", Text, nullable=False),
    Column("named", Double, nullable=False),
)

# Users of an OpenID provider, as JSON.
openid_people = Table(
    "openid_people",
    _tables,
    Column("id", String(64), primary_key=True),
    Column("person", Text, nullable=False),
)

# Wrong passwords, by the digest of an address, of an address and a name, or of a known browser.
guesses = Table(
    "guesses",
    _tables,
    Column("key", String(64), primary_key=True),
    Column("wrong", Integer, nullable=False),
    Column("last", Double, nullable=False),  # seconds since 1970
)

SIGN_IN_SCHEMA = Schema("sign-ins", _tables, _version, frozenset((sessions.name, changes.name)))
