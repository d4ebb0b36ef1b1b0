"""Albums of results, in the history's database: their items, reviews, comments and links.

An item refers to a file of a run. It vanishes with the run, and is hidden as long as the run is.
Callers check who may do what.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, NoReturn, Self, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Delete,
    Engine,
    Row,
    ScalarSelect,
    Select,
    Table,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.messages import message
from comfy.base.threads import Callbacks
from comfy.comfyui.protocol.result_types import FileKind
from comfy.records.database import erase_deleted
from comfy.records.people import forget_beyond, kept_values
from comfy.records.rows import escaped, unescaped
from comfy.records.serialization import searchable
from comfy.records.tables import digest, lock_rows, reading, share_of, transaction
from comfy.records.tables import runs as _runs
from comfyforms.plugins.albums.filters import (
    EVERYBODY,
    IN_ROUND,
    LISTED,
    MOST_NUMBER,
    SORTS,
    VERDICTS,
    Viewer,
    WantedItems,
    decided_by,
    of_album,
    within,
)
from comfyforms.plugins.albums.tables import album_comments as _comments
from comfyforms.plugins.albums.tables import album_items as _items
from comfyforms.plugins.albums.tables import album_links as _links
from comfyforms.plugins.albums.tables import album_reviews as _reviews
from comfyforms.plugins.albums.tables import albums as _albums

AlbumAccess = Literal["private", "shared", "public"]
Verdict = Literal["keep", "reject", ""]
_Row = TypeVar("_Row")

MOST_ITEMS = 20_000  # per album
_MOST_ALBUMS = 500  # per owner
# Per item, each of users and of guests, who may have any number of browsers.
_MOST_REVIEWS, _MOST_COMMENTS = 200, 500
_MOST_OF_ONE = 50  # comments of a person about an item
_MOST_AT_ADDRESS = 50  # reviews, and comments, of the guests at an address about an item
_LONGEST_PROMPT = 2_000  # characters
GUEST = "guest:"  # begins the keys of guests
_COVERS = 4
FULL = message("This album is full.")
_MANY = message("You can write at most {count} comments about a result.", count=_MOST_OF_ONE)
_CROWDED = message("Too many guests at your address have said something about this result.")
_DEEPEST = 10  # levels of albums
_VERSION = select(_albums.c.version).where(_albums.c.id == bindparam("this"))
# Columns with texts of users, which any database must be able to store.
_TEXTS = ("by", "name", "title", "prompt", "note", "text", "run", "workflow")


class AlbumNotFound(RunNotFound):
    """The album or a part of it doesn't exist, or isn't for the caller."""

    def __init__(self) -> None:
        super().__init__(message("This album or result no longer exists."))


class Person(NamedTuple):
    """User or guest in the tables: a digest, and the name for people, "" for none. `address`: of
    a person without an account."""

    key: str
    by: str = ""
    address: str = ""

    @classmethod
    def of(cls, owner: str, name: str, address: str = "") -> Self:
        return cls(digest(owner), name, address)

    @classmethod
    def guest(cls, token: str, browser: str, by: str, address: str = "") -> Self:
        """Return the guest with this browser, under any name; no person without one.
        `token`: of the link."""
        return cls(_guest_key(f"{token}/{browser}") if browser else "", by, address)


def _guest_key(about: str) -> str:
    return f"{GUEST}{digest(about)[: -len(GUEST)]}"


class Facet(NamedTuple):
    """Owner who added results of a workflow."""

    owner: str
    workflow: str


@dataclass(frozen=True, slots=True)
class ShownAlbum:
    """Facts about an album that its viewers see. `by`: its owner's name; `changed_at`: in seconds
    since 1970; `public_settings`: visitors of a public album see prompts and settings."""

    id: str
    parent: str | None
    title: str
    note: str
    access: AlbumAccess
    by: str
    version: int
    changed_at: float
    public_settings: bool


@dataclass(frozen=True, slots=True)
class Album(ShownAlbum):
    """Album. `owner`: a digest."""

    owner: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of an album's items by verdict. Only `dropped` has items of earlier rounds.
    `unreviewed`, `own_keeps`: by a caller, else 0; `round`: the latest one."""

    keep: int = 0
    reject: int = 0
    open: int = 0
    disagreed: int = 0
    dropped: int = 0
    commented: int = 0
    unreviewed: int = 0
    own_keeps: int = 0
    round: int = 1

    @property
    def items(self) -> int:
        return self.keep + self.reject + self.open + self.disagreed


@dataclass(frozen=True, slots=True)
class ItemFile:
    """File to show in an album. `name`: without words of the prompt."""

    run: str
    place: int
    kind: FileKind
    digest: str
    has_thumb: bool
    width: int
    height: int
    name: str
    workflow: str
    title: str
    prompt: str


@dataclass(frozen=True, slots=True)
class ShownItem:
    """Facts about a result that viewers of its album see, in part. `number`: in the album; `title`:
    the workflow's; `by`: its owner's name; `settings`: the album shows them; `dropped`: the round
    that ended without it, 0 in the latest one."""

    number: int
    kind: FileKind
    width: int
    height: int
    title: str
    prompt: str
    by: str
    added_at: float
    settings: bool
    keeps: int
    rejects: int
    comments: int
    dropped: int


@dataclass(frozen=True, slots=True)
class AlbumItem(ShownItem):
    """File in an album; `comfyforms.plugins.albums.tables` explains the columns."""

    n: int
    run: str
    place: int
    digest: str
    has_thumb: bool
    name: str
    workflow: str
    owner: str
    version: int


@dataclass(frozen=True, slots=True)
class ShownReview:
    """Verdict and stars of a person, 0 for none."""

    by: str
    verdict: Verdict
    stars: int


@dataclass(frozen=True, slots=True)
class Review(ShownReview):
    """A person's review of an item."""

    item: int
    person: str


@dataclass(frozen=True, slots=True)
class ShownComment:
    """Comment, pinned to a point of the image (0 to 1) or to none. `at`: seconds since 1970."""

    by: str
    text: str
    x: float | None
    y: float | None
    at: float


@dataclass(frozen=True, slots=True)
class Comment(ShownComment):
    """A person's comment about an item."""

    n: int
    item: int
    person: str


@dataclass(frozen=True, slots=True)
class AlbumLink:
    """Link of guests to an album. The table explains the columns."""

    token: str
    album: str
    expires_at: float
    comments: bool
    settings: bool


class AlbumStore:
    """Albums of all owners. Thread-safe. All methods raise ComfyError if the database can't be
    used, and AlbumNotFound if the album, the item or the comment doesn't exist."""

    def __init__(self, engine: Engine, grew: Callable[[float], None]) -> None:
        """`grew`: `RunStore.grew`."""
        self._engine = engine
        self._grew = grew
        self.changes = Callbacks[[str]]()  # after a change by this process, with the album's id

    # Albums

    def create(
        self,
        owner: Person,
        title: str,
        note: str,
        access: AlbumAccess,
        parent: str | None,
        *,
        public_settings: bool = False,
    ) -> Album:
        key, now = secrets.token_urlsafe(16), time.time()
        facts = (key, parent, title, note, access, owner.by, 1, now, public_settings)
        album = Album(*facts, owner.key)
        row, share = _kept(_escaped(asdict(album)), owner), share_of(owner.address)
        own = _albums.c.owner == owner.key
        own |= (_albums.c.share == share) & (share != "")
        with transaction(self._engine) as connection:
            lock_rows(connection, _albums, share or owner.key)
            connection.execute(insert(_albums).values(row))
            most = message("You can have at most {count} albums.", count=_MOST_ALBUMS)
            _check_number(connection, own, _MOST_ALBUMS, most)
            _check_parents(connection, key)
        self._grew(row["size"])
        return album

    def change(self, album: Album, values: Mapping[str, Any]) -> None:
        """Change `title`, `note`, `access`, `public_settings` or `parent` of an album."""
        changed = _escaped(values)
        size = kept_values(_escaped(asdict(album)) | changed, "")["size"]
        with self._renewing(album.id) as (connection, _):
            if changed:
                which = update(_albums).where(_albums.c.id == album.id)
                connection.execute(which.values(changed | {"size": size}))
            of_others = select(_items.c.n).where(_items.c.album == album.id)
            of_others = of_others.where(_items.c.owner != album.owner).limit(1)
            if changed.get("access") == "private" and connection.execute(of_others).first():
                raise ComfyError(
                    message("Other people's results are in this album."),
                    message("Remove them first."),
                )
            _check_parents(connection, album.id)

    def delete(self, album: str, *, with_private: bool = True) -> None:
        """Delete an album and the albums in it, but no results. Without `with_private`, private
        albums move to the top first."""
        if not with_private:
            below = select(_albums.c.id).where(_albums.c.parent == album).cte(recursive=True)
            deeper = select(_albums.c.id).join(below, _albums.c.parent == below.c.id)
            inside = _albums.c.id.in_(select(below.union_all(deeper).c.id))
            which = inside & (_albums.c.access == "private")
            with transaction(self._engine) as connection:
                connection.execute(update(_albums).where(which).values(parent=None))
        self._delete(delete(_albums).where(_albums.c.id == album))
        self.changes.call(album)

    def get(self, album: str) -> Album:
        (found,) = self._albums(_albums.c.id == escaped(album)) or _missing()
        return found

    def public_albums(self) -> list[Album]:
        return self._albums(_albums.c.access == "public")

    def end_public_access(self, album: str) -> None:
        """Leave a public album to users. Has no effect on others."""
        which = (_albums.c.id == album) & (_albums.c.access == "public")
        with self._renewing(album) as (connection, _):
            shared = {"access": "shared", "public_settings": False}
            connection.execute(update(_albums).where(which).values(shared))

    def seen_by(self, person: str, accesses: Sequence[AlbumAccess]) -> list[Album]:
        """Return this person's albums by title, then others with such an access. Without notes,
        which may be long."""
        short = [literal("").label("note") if c.name == "note" else c for c in _ALBUM]
        which = or_(_albums.c.owner == person, _albums.c.access.in_(accesses))
        found = self._all(Album, select(*short).where(which))
        return sorted(found, key=lambda one: (one.owner != person, one.title.casefold(), one.id))

    def _albums(self, which: ColumnElement[bool]) -> list[Album]:
        return self._all(Album, select(*_ALBUM).where(which))

    def counts(self, albums: Collection[str], person: str = "") -> dict[str, Counts]:
        """Return the numbers of these albums' items by id. `person`: whose own ones to count."""
        own = [~decided_by(person), decided_by(person, "keep")] if person else []
        all_of = (*VERDICTS.values(), *(IN_ROUND & one for one in own))
        sums = (func.sum(case((one, 1), else_=0)) for one in all_of)
        query = select(_items.c.album, *sums).where(_items.c.album.in_(albums), LISTED)
        rounds = select(_albums.c.id, _albums.c.round).where(_albums.c.id.in_(albums))
        with reading(self._engine) as connection:
            rows = connection.execute(query.group_by(_items.c.album)).all()
            latest = connection.execute(rounds).all()
        counts = {album: Counts(*map(int, numbers)) for album, *numbers in rows}
        return dict.fromkeys(albums, Counts()) | {
            album: replace(counts.get(album, Counts()), round=number) for album, number in latest
        }

    def covers(self, albums: Iterable[str], viewer: Viewer = EVERYBODY) -> dict[str, list[int]]:
        """Return the newest items with a thumbnail of these albums by id."""
        newest = select(_items.c.n).where(_items.c.has_thumb, IN_ROUND).order_by(_items.c.n.desc())
        newest = newest.limit(_COVERS)
        with reading(self._engine) as connection:
            return {
                album: list(connection.execute(newest.where(viewer.of(album))).scalars())
                for album in albums
            }

    def version(self, album: str) -> int:
        """Return an album's version, which changes with everything that users of the album see."""
        with reading(self._engine) as connection:
            found = connection.execute(_VERSION, {"this": album}).scalar()
        return _missing() if found is None else int(found)

    @contextmanager
    def _renewing(self, album: str) -> Iterator[tuple[Connection, int]]:
        """Yield a connection for a change of an album, and the album's next version."""
        with transaction(self._engine) as connection:
            yield connection, _next_version(connection, album)
        self.changes.call(album)

    # Items

    def add(
        self, album: str, owner: Person, files: Sequence[ItemFile], *, settings: bool
    ) -> list[AlbumItem]:
        """Add this owner's files, or change whether the album shows their settings."""
        which = _items.c.album == album
        which &= _items.c.run.in_({escaped(one.run) for one in files})
        query = select(_items.c.run, _items.c.place, _items.c.n).where(which)
        common: dict[str, Any] = {"album": album, "owner": owner.key, "by": escaped(owner.by)}
        common["added_at"] = time.time()
        with self._renewing(album) as (connection, version):
            known = {(run, place): n for run, place, n in connection.execute(query)}
            rows = {
                (escaped(one.run), one.place): _kept(_row_of(one, settings=settings), owner)
                | {"version": version}
                for one in files
            }
            again = [rows.pop(key) | {"known": n} for key, n in known.items() if key in rows]
            if again:
                connection.execute(update(_items).where(_items.c.n == bindparam("known")), again)
            if rows:
                last = _last_number(connection, album) + len(rows)
                new = [row | common | {"number": last - at} for at, row in enumerate(rows.values())]
                connection.execute(insert(_items), new)
            _check_number(connection, _items.c.album == album, MOST_ITEMS, FULL)
        self._grew(sum(row["size"] for row in rows.values()))
        return self._found(which & (_items.c.version == version), MOST_ITEMS)

    def remove(self, album: str, items: Iterable[int]) -> None:
        which = (_items.c.album == album) & _items.c.n.in_(list(items))
        self._delete(delete(_items).where(which), album)

    def move(self, album: str, to: str, items: Iterable[int], *, copies: bool = False) -> None:
        """Move items with their reviews and comments to another album, unless it has them. With
        `copies`, add them there without these."""
        twin = _items.alias()
        is_there = (twin.c.run == _items.c.run) & (twin.c.place == _items.c.place)
        which = of_album(album) & _items.c.n.in_(list(items))
        which &= ~exists().where((twin.c.album == to) & is_there)
        with transaction(self._engine) as connection:
            versions = {one: _next_version(connection, one) for one in sorted({album, to})}
            common = {"album": to, "version": versions[to], "dropped": 0}
            query = select(_items).where(which).order_by(_items.c.number)
            found = connection.execute(query).mappings().all()
            for number, row in enumerate(found, _last_number(connection, to) + 1):
                values = common | {"number": number}
                if copies:
                    new = {**row, **values, **dict.fromkeys(_NUMBERS, 0)}
                    del new["n"]
                    connection.execute(insert(_items).values(new))
                else:
                    connection.execute(update(_items).where(_items.c.n == row["n"]).values(values))
            _check_number(connection, _items.c.album == to, MOST_ITEMS, FULL)
        for one in versions:
            self.changes.call(one)
        if copies:
            self._grew(sum(row["size"] for row in found))

    def next_round(self, album: str, *, disagreed: bool = False) -> None:
        """Begin a round with the kept items, which lose their verdicts. `disagreed`: also with
        those that people keep and reject. Raises ComfyError without any."""
        own = (_items.c.album == album) & IN_ROUND
        stays = VERDICTS["keep"] | VERDICTS["disagreed"] if disagreed else VERDICTS["keep"]
        with self._renewing(album) as (connection, version):
            if not connection.execute(select(own).where(own, stays)).first():
                raise ComfyError(message("No result is kept."), message("Keep some first."))
            this = _albums.c.id == album
            ended = select(_albums.c.round).where(this).scalar_subquery()
            left = update(_items).where(own, ~stays)
            connection.execute(left.values(dropped=ended, version=version))
            connection.execute(update(_albums).where(this).values(round=_albums.c.round + 1))
            of_these = _reviews.c.item.in_(select(_items.c.n).where(own))
            connection.execute(update(_reviews).where(of_these).values(verdict=""))
            connection.execute(delete(_reviews).where(of_these, _reviews.c.stars == 0))
            again = update(_items).where(own)
            connection.execute(again.values(_NUMBERS | {"version": version}))

    def items(
        self,
        album: str,
        wanted: WantedItems,
        limit: int,
        viewer: Viewer = EVERYBODY,
        cursor: int = 0,
    ) -> list[AlbumItem]:
        """Return items that are older than the item `cursor`, newest first. With `wanted.sort`,
        leave out the first `cursor` items."""
        which = wanted.of(album, viewer)
        if wanted.sort:
            return self._found(which, limit, SORTS[wanted.sort], within(cursor))
        return self._found(which & (_items.c.n < within(cursor or MOST_NUMBER)), limit)

    def some(
        self, album: str, items: Collection[int], viewer: Viewer = EVERYBODY
    ) -> list[AlbumItem]:
        """Return these items of an album, newest first, without those that it doesn't have."""
        return self._found(viewer.of(album) & _items.c.n.in_(items), MOST_ITEMS)

    def item(self, album: str, n: int, viewer: Viewer = EVERYBODY) -> AlbumItem:
        (found,) = self.some(album, [n], viewer) or _missing()
        return found

    def _found(
        self,
        which: ColumnElement[bool],
        limit: int,
        first: ColumnElement[Any] = _items.c.n,
        offset: int = 0,
    ) -> list[AlbumItem]:
        query = select(*_ITEM).where(which).order_by(first.desc(), _items.c.n.desc())
        return self._all(AlbumItem, query.limit(limit).offset(offset))

    def total(self, album: str, wanted: WantedItems, viewer: Viewer) -> int:
        """Return the number of items; arguments as for `items`."""
        query = select(func.count()).where(wanted.of(album, viewer))
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def facets(self, album: str) -> list[Facet]:
        """Return the owners of items, with the workflows of these items."""
        columns = (_items.c[name] for name in Facet._fields)
        return self._all(Facet, select(*columns).where(of_album(album)).distinct())

    # Reviews and comments

    def reviews(self, items: Iterable[int]) -> list[Review]:
        """Return the reviews of these items, by name."""
        query = select(*_columns(Review, _reviews)).where(_reviews.c.item.in_(list(items)))
        return self._all(Review, query.order_by(_reviews.c.by, _reviews.c.person))

    def adopt(self, token: str, name: str, guest: Person) -> None:
        """Give a guest the reviews and comments from before guests were browsers, when a link and a
        name made one."""
        before = _guest_key(f"{token}:{name}")
        with transaction(self._engine) as connection:
            for table in (_reviews, _comments):
                own = update(table).where(table.c.person == before)
                connection.execute(own.values(person=guest.key))

    def review(
        self, album: str, n: int, person: Person, verdict: Verdict, stars: int, round: int = 0
    ) -> None:
        """Store a person's review of an item, in place of their previous one. Keeping an item of an
        earlier round brings it back. `round`: the latest one that the person knows, which an item
        of an earlier one needs. Raises ComfyError if it isn't the latest."""
        query = select(_albums.c.round, _items.c.dropped).where(_items.c.n == n)
        query = query.join(_albums, _albums.c.id == _items.c.album)
        own = (_reviews.c.item == n) & (_reviews.c.person == person.key)
        with self._changing(album, n) as connection:
            latest, dropped = connection.execute(query).one()
            if round != latest and (round or dropped):
                raise ComfyError(
                    message("A new round began."), message("Your last vote wasn't counted.")
                )
            connection.execute(delete(_reviews).where(own))
            if verdict or stars:
                new = Review(person.by, verdict, stars, n, person.key)
                row = _kept(_escaped(asdict(new)), person) | {"at": time.time()}
                connection.execute(insert(_reviews).values(row))
            if verdict == "keep":
                connection.execute(update(_items).where(_items.c.n == n).values(dropped=0))
            _make_room(connection, _reviews, n, person, _MOST_REVIEWS)

    def comments(
        self, album: str, n: int, after: int = 0, limit: int | None = None
    ) -> list[Comment]:
        """Return up to `limit` comments about an item, oldest first, after one with this number."""
        self.item(album, n)
        which = (_comments.c.item == n) & (_comments.c.n > after)
        query = select(*_columns(Comment, _comments)).where(which)
        return self._all(Comment, query.order_by(_comments.c.n).limit(limit))

    def comment(
        self, album: str, n: int, person: Person, text: str, point: tuple[float, float] | None
    ) -> Comment:
        """Add a comment about an item."""
        x, y = point or (None, None)
        new = Comment(person.by, text, x, y, time.time(), 0, n, person.key)
        row = {
            key: value for key, value in _kept(_escaped(asdict(new)), person).items() if key != "n"
        }
        own = (_comments.c.item == n) & (_comments.c.person == person.key)
        with self._changing(album, n) as connection:
            made = connection.execute(insert(_comments).values(row)).inserted_primary_key
            _check_number(connection, own, _MOST_OF_ONE, _MANY)
            _make_room(connection, _comments, n, person, _MOST_COMMENTS)
        self._grew(row["size"])
        return replace(new, n=int(made[0]) if made else 0)

    def delete_comment(self, album: str, n: int, comment: int, person: str | None) -> None:
        """Delete a comment about an item: this person's, or with None any."""
        which = (_comments.c.n == comment) & (_comments.c.item == n)
        if person is not None:
            which &= _comments.c.person == person
        with self._changing(album, n) as connection:
            if not connection.execute(delete(_comments).where(which)).rowcount:
                raise AlbumNotFound
        erase_deleted(self._engine)

    @contextmanager
    def _changing(self, album: str, n: int) -> Iterator[Connection]:
        """Yield a connection for a change of an item's reviews or comments. Gives the album and the
        item the next version, and renews what the item tells about them."""
        which = of_album(album) & (_items.c.n == n)
        with self._renewing(album) as (connection, version):
            changed = update(_items).where(which).values({"version": version})
            if not connection.execute(changed).rowcount:
                raise AlbumNotFound
            yield connection
            connection.execute(update(_items).where(_items.c.n == n).values(_NUMBERS))

    # Links

    def new_link(self, album: str, days: float, *, comments: bool, settings: bool) -> AlbumLink:
        """Create the album's link, in place of its previous one."""
        token, end = secrets.token_urlsafe(24), time.time() + days * 24 * 3600
        link = AlbumLink(token, album, end, comments, settings)
        with self._renewing(album) as (connection, _):
            connection.execute(delete(_links).where(_links.c.album == album))
            connection.execute(insert(_links).values(_escaped(asdict(link))))
        return link

    def links(self, albums: Collection[str]) -> dict[str, AlbumLink]:
        """Return these albums' links that haven't ended, by album."""
        return {one.album: one for one in self._links(_links.c.album.in_(albums))}

    def link(self, token: str) -> AlbumLink:
        (found,) = self._links(_links.c.token == escaped(token)) or _missing()
        return found

    def all_links(self) -> list[tuple[AlbumLink, Album]]:
        """Return the links that haven't ended, with their albums."""
        links = self._links(true())
        albums = {one.id: one for one in self._albums(_albums.c.id.in_([x.album for x in links]))}
        return [(one, albums[one.album]) for one in links if one.album in albums]

    def end_link(self, album: str) -> None:
        self._delete(delete(_links).where(_links.c.album == album), album)

    def _links(self, which: ColumnElement[bool]) -> list[AlbumLink]:
        return self._all(AlbumLink, select(_links).where(which, _links.c.expires_at > time.time()))

    def _all(self, kind: Callable[..., _Row], query: Select[Any]) -> list[_Row]:
        with reading(self._engine) as connection:
            return [kind(**_values(row)) for row in connection.execute(query)]

    def _delete(self, statement: Delete, album: str = "") -> int:
        """Delete rows, and give the `album` that had them its next version; return their number."""
        with transaction(self._engine) as connection:
            if album:
                _next_version(connection, album)
            count = connection.execute(statement).rowcount
        self.changes.call(album)
        erase_deleted(self._engine)
        return count


def _columns(kind: type[Album | AlbumItem | Review | Comment], table: Table) -> list[Column[Any]]:
    return [table.c[one.name] for one in fields(kind)]


_ALBUM, _ITEM = _columns(Album, _albums), _columns(AlbumItem, _items)


def _escaped(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: escaped(one) if key in _TEXTS else one for key, one in values.items()}


def _values(row: Row[Any]) -> dict[str, Any]:
    values = row._mapping.items()
    return {key: unescaped(one) if key in _TEXTS else one for key, one in values}


def _kept(row: Mapping[str, Any], person: Person) -> dict[str, Any]:
    return {**row, **kept_values(row, share_of(person.address))}


def _missing() -> NoReturn:
    raise AlbumNotFound


def _row_of(file: ItemFile, *, settings: bool) -> dict[str, Any]:
    """Return the columns that come from the file and from what its owner shows."""
    prompt = file.prompt[:_LONGEST_PROMPT] if settings else ""
    words = searchable(f"{file.title}\n{prompt}")
    shown = {"settings": settings, "prompt": escaped(prompt), "words": words}
    return _escaped(asdict(file)) | shown


def _next_version(connection: Connection, album: str) -> int:
    """Give an album its next version. Comes first in a transaction: it takes SQLite's write lock,
    and on Postgres the album's."""
    which = _albums.c.id == album
    changed = {"version": _albums.c.version + 1, "changed_at": time.time()}
    if not connection.execute(update(_albums).where(which).values(changed)).rowcount:
        raise AlbumNotFound
    return int(connection.execute(select(_albums.c.version).where(which)).scalar_one())


def renew_albums_of(connection: Connection, runs: ColumnElement[bool]) -> None:
    """Give the albums with these runs their next version, as their results appear or vanish."""
    items = select(_items.c.album).join(_runs, _runs.c.id == _items.c.run).where(runs)
    which = update(_albums).where(_albums.c.id.in_(items))
    connection.execute(which.values(version=_albums.c.version + 1))


def renew_numbers(connection: Connection) -> None:
    """Renew what items tell about their reviews and comments after the deletion of some."""
    stale = or_(*(_items.c[name] != number for name, number in _NUMBERS.items()))
    query = select(_items.c.album).where(stale).distinct()
    for album in connection.execute(query).scalars().all():
        changed = _NUMBERS | {"version": _next_version(connection, album)}
        connection.execute(update(_items).where(_items.c.album == album, stale).values(changed))


def _last_number(connection: Connection, album: str) -> int:
    query = select(func.coalesce(func.max(_items.c.number), 0)).where(_items.c.album == album)
    return int(connection.execute(query).scalar_one())


def _check_parents(connection: Connection, album: str) -> None:
    """Raise ComfyError if an album would be inside of itself, or too deep."""
    above: str | None = album
    for _ in range(_DEEPEST):
        query = select(_albums.c.parent).where(_albums.c.id == above)
        above = connection.execute(query).scalar()
        if above is None:
            return
    raise ComfyError(message("An album can't be in this one."), message("Choose another album."))


def _check_number(connection: Connection, which: ColumnElement[bool], most: int, why: str) -> None:
    """Raise ComfyError if more rows than these are selected."""
    if connection.execute(select(func.count()).where(which)).scalar_one() > most:
        raise ComfyError(why)


def _make_room(connection: Connection, table: Table, n: int, person: Person, most: int) -> None:
    """Delete reviews or comments about an item if there are too many of guests, if this person is
    one, or else of users: guests take no room from them."""
    by_guest = table.c.person.startswith(GUEST)
    is_guest = person.key.startswith(GUEST)
    which = (table.c.item == n) & (by_guest if is_guest else ~by_guest)
    if is_guest and person.address:
        at_address = which & (table.c.share == share_of(person.address))
        _check_number(connection, at_address, _MOST_AT_ADDRESS, _CROWDED)
    forget_beyond(connection, table, most, which, counts=True)


def _number_of(table: Table, which: ColumnElement[bool]) -> ScalarSelect[int]:
    own = (table.c.item == _items.c.n) & which
    return select(func.count()).where(own).correlate(_items).scalar_subquery()


# Columns of an item that its reviews and comments determine.
_NUMBERS = MappingProxyType(
    {
        "keeps": _number_of(_reviews, _reviews.c.verdict == "keep"),
        "rejects": _number_of(_reviews, _reviews.c.verdict == "reject"),
        "comments": _number_of(_comments, true()),
    }
)
