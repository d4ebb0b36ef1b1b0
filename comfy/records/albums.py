"""Albums of results, in the history's database: their items, reviews, comments and links.

An item refers to a file of a run. It vanishes with the run, and is hidden as long as the run is.
Callers check who may do what.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, NamedTuple, NoReturn, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Engine,
    Row,
    Table,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from comfy.base.errors import AlbumNotFound, ComfyError
from comfy.base.messages import message
from comfy.comfyui.protocol.result_types import FileKind
from comfy.records.database import erase_deleted
from comfy.records.rows import escaped, unescaped
from comfy.records.serialization import searchable
from comfy.records.tables import album_comments as _comments
from comfy.records.tables import album_items as _items
from comfy.records.tables import album_links as _links
from comfy.records.tables import album_reviews as _reviews
from comfy.records.tables import albums as _albums
from comfy.records.tables import digest, reading, transaction
from comfy.records.tables import runs as _runs

AlbumAccess = Literal["private", "shared", "public"]
Verdict = Literal["keep", "reject", ""]
# "open": no one has decided; "mine": the caller hasn't.
WantedVerdict = Literal["", "keep", "reject", "open", "mine"]

MOST_NUMBER = 2**31 - 1  # of an item or a comment
MOST_ITEMS = 20_000  # per album
_MOST_ALBUMS = 500  # per owner
_MOST_REVIEWS, _MOST_COMMENTS = 200, 500  # per item, as a guest may give any number of names
_MOST_LINKS = 50  # per album
_LONGEST_PROMPT = 2_000  # characters
_COVERS = 4
_DEEPEST = 10  # levels of albums
_SEARCH_LENGTH, _SEARCH_WORDS = 200, 10  # as in `comfy.records.rows`


class Person(NamedTuple):
    """User or guest in the tables: a digest, and the name for people, "" for none."""

    key: str
    by: str = ""

    @classmethod
    def of(cls, owner: str, name: str) -> Self:
        return cls(digest(owner), name)


@dataclass(frozen=True, slots=True)
class Album:
    """Album. `owner`: a digest; `by`: their name; `changed_at`: seconds since 1970."""

    id: str
    parent: str | None
    owner: str
    by: str
    title: str
    note: str
    access: AlbumAccess
    version: int
    changed_at: float


class AlbumSize(NamedTuple):
    """Numbers of an album's items and of those that are kept, and its newest thumbnails."""

    items: int = 0
    kept: int = 0
    covers: tuple[int, ...] = ()


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
    title: str
    prompt: str


@dataclass(frozen=True, slots=True)
class AlbumItem(ItemFile):
    """File in an album; `comfy.records.tables` explains the columns."""

    n: int
    owner: str
    by: str
    added_at: float
    settings: bool
    keeps: int
    rejects: int
    comments: int
    version: int


@dataclass(frozen=True, slots=True)
class Review:
    """A person's verdict and stars, 0 for none."""

    item: int
    person: str
    by: str
    verdict: Verdict
    stars: int


@dataclass(frozen=True, slots=True)
class Comment:
    """Comment, pinned to a point of the image (0 to 1) or to none. `at`: seconds since 1970."""

    n: int
    item: int
    person: str
    by: str
    at: float
    x: float | None
    y: float | None
    text: str


@dataclass(frozen=True, slots=True)
class AlbumLink:
    """Link of guests. `name`: the owner's words for it; the table explains the other columns."""

    token: str
    album: str
    name: str
    expires_at: float
    comments: bool
    settings: bool


@dataclass(frozen=True, slots=True)
class WantedItems:
    """Filter of items: by verdict, by the digest of who added them (`person`), by the workflow's
    title, by words, older than the item `after`, and changed after the album's version `since`."""

    verdict: WantedVerdict = ""
    person: str = ""
    workflow: str = ""
    text: str = ""
    after: int | None = None
    since: int | None = None

    def of(self, album: str, me: str, *, prompts: bool) -> ColumnElement[bool]:
        """Select items of an album. `me`: the caller, for their own verdict; `prompts`: also search
        in prompts."""
        which = _of_album(album) & _with_verdict(self.verdict, me)
        if self.person:
            which &= _items.c.owner == escaped(self.person)
        if self.workflow:
            which &= _items.c.title == escaped(self.workflow)
        if self.after is not None:
            which &= _items.c.n < _within(self.after)
        if self.since is not None:
            which &= _items.c.version > _within(self.since)
        for word in searchable(self.text[:_SEARCH_LENGTH]).split()[:_SEARCH_WORDS]:
            anywhere = _items.c.words.contains(word, autoescape=True)
            in_title = _items.c.title.icontains(escaped(word), autoescape=True)
            which &= anywhere if prompts else in_title
        return which


def _within(number: int) -> int:
    """Return the nearest number that a column can have."""
    return max(-1, min(number, MOST_NUMBER))


_KEPT = (_items.c.keeps > 0) & (_items.c.rejects == 0)
_REJECTED = _items.c.rejects > 0


def _of_album(album: str) -> ColumnElement[bool]:
    """Return the condition for an album's items whose runs aren't hidden."""
    hidden = select(_runs.c.id).where(_runs.c.deleted_at.is_not(None))
    return (_items.c.album == album) & _items.c.run.not_in(hidden)


def _with_verdict(verdict: WantedVerdict, me: str) -> ColumnElement[bool]:
    match verdict:
        case "keep":
            return _KEPT
        case "reject":
            return _REJECTED
        case "open":
            return ~_REJECTED & (_items.c.keeps == 0)
        case "mine":
            own = (_reviews.c.person == me) & (_reviews.c.verdict != "")
            return _items.c.n.not_in(select(_reviews.c.item).where(own))
        case "":
            return true()


class AlbumStore:
    """Albums of all owners. Thread-safe. All methods raise ComfyError if the database can't be
    used, and AlbumNotFound if the album, the item or the comment doesn't exist."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Albums

    def create(
        self, owner: Person, title: str, note: str, access: AlbumAccess, parent: str | None
    ) -> Album:
        key, now = secrets.token_urlsafe(16), time.time()
        album = Album(key, parent, *owner, title, note, access, 1, now)
        with transaction(self._engine) as connection:
            _insert(connection, _albums, album)
            if _count(connection, _albums.c.owner, owner.key) > _MOST_ALBUMS:
                raise ComfyError(
                    message("You can have at most {count} albums.", count=_MOST_ALBUMS)
                )
            _check_parents(connection, key)
        return album

    def change(self, album: Album, values: Mapping[str, Any]) -> None:
        """Change `title`, `note`, `access` or `parent` of an album."""
        changed = _escaped(values)
        with transaction(self._engine) as connection:
            _next_version(connection, album.id)
            if changed:
                connection.execute(update(_albums).where(_albums.c.id == album.id).values(changed))
            of_others = select(_items.c.n).where(_items.c.album == album.id)
            of_others = of_others.where(_items.c.owner != album.owner).limit(1)
            if changed.get("access") == "private" and connection.execute(of_others).first():
                raise ComfyError(
                    message("Other people's results are in this album."),
                    message("Remove them first."),
                )
            _check_parents(connection, album.id)

    def delete(self, album: str) -> None:
        """Delete an album and the albums in it, but no results."""
        self._delete(delete(_albums).where(_albums.c.id == album))

    def delete_all(self, owner: str) -> None:
        """Delete the albums of this owner."""
        self._delete(delete(_albums).where(_albums.c.owner == digest(owner)))

    def get(self, album: str) -> Album:
        (found,) = self._albums(_albums.c.id == escaped(album)) or _missing()
        return found

    def seen_by(self, person: str, accesses: Sequence[AlbumAccess]) -> list[Album]:
        """Return this person's albums and those with such an access, by title."""
        found = self._albums(or_(_albums.c.owner == person, _albums.c.access.in_(accesses)))
        return sorted(found, key=lambda one: one.title.casefold())

    def _albums(self, which: ColumnElement[bool]) -> list[Album]:
        with reading(self._engine) as connection:
            return [
                Album(**_values(row)) for row in connection.execute(select(_albums).where(which))
            ]

    def sizes(self, albums: Iterable[str]) -> dict[str, AlbumSize]:
        """Return the sizes of these albums by id."""
        sizes = {}
        newest = select(_items.c.n).where(_items.c.has_thumb).order_by(_items.c.n.desc())
        with reading(self._engine) as connection:
            for album in albums:
                items, kept, _ = _verdicts(connection, album)
                covers = connection.execute(newest.where(_of_album(album)).limit(_COVERS))
                sizes[album] = AlbumSize(items, kept, tuple(covers.scalars()))
        return sizes

    def stamps(self, albums: Collection[str]) -> dict[str, tuple[int, int]]:
        """Return the versions and the numbers of items of these albums by id. They change with
        everything that users of an album see."""
        query = select(_albums.c.id, _albums.c.version).where(_albums.c.id.in_(albums))
        with reading(self._engine) as connection:
            versions = connection.execute(query).all()
            return {key: (version, _verdicts(connection, key)[0]) for key, version in versions}

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
        with transaction(self._engine) as connection:
            version = _next_version(connection, album)
            known = {(run, place): n for run, place, n in connection.execute(query)}
            rows = {
                (escaped(one.run), one.place): _row_of(one, settings=settings)
                | {"version": version}
                for one in files
            }
            for key in rows.keys() & known.keys():
                which_one = _items.c.n == known[key]
                connection.execute(update(_items).where(which_one).values(rows.pop(key)))
            if rows:
                connection.execute(insert(_items), [row | common for row in rows.values()])
            if _count(connection, _items.c.album, album) > MOST_ITEMS:
                raise ComfyError(message("This album is full."))
        changed = _items.c.version == version
        return self._found(which & changed, MOST_ITEMS)

    def remove(self, album: str, items: Iterable[int]) -> None:
        which = (_items.c.album == album) & _items.c.n.in_(list(items))
        self._delete(delete(_items).where(which), album)

    def items(
        self, album: str, wanted: WantedItems, limit: int, me: str = "", *, prompts: bool = False
    ) -> list[AlbumItem]:
        """Return items, newest first; `me` and `prompts` as for `WantedItems`."""
        return self._found(wanted.of(album, me, prompts=prompts), limit)

    def some(self, album: str, items: Collection[int]) -> list[AlbumItem]:
        """Return these items of an album, newest first, without those that it doesn't have."""
        return self._found(_of_album(album) & _items.c.n.in_(items), MOST_ITEMS)

    def item(self, album: str, n: int) -> AlbumItem:
        (found,) = self.some(album, [n]) or _missing()
        return found

    def _found(self, which: ColumnElement[bool], limit: int) -> list[AlbumItem]:
        query = select(*_ITEM).where(which).order_by(_items.c.n.desc()).limit(limit)
        with reading(self._engine) as connection:
            return [AlbumItem(**_values(row)) for row in connection.execute(query)]

    def total(self, album: str, wanted: WantedItems, me: str, *, prompts: bool) -> int:
        """Return the number of items; arguments as for `items`."""
        which = wanted.of(album, me, prompts=prompts)
        with reading(self._engine) as connection:
            query = select(func.count()).select_from(_items).where(which)
            return int(connection.execute(query).scalar_one())

    def counts(self, album: str) -> dict[str, int]:
        """Return the numbers of kept, rejected and undecided items."""
        with reading(self._engine) as connection:
            count, keep, reject = _verdicts(connection, album)
        return {"keep": keep, "reject": reject, "open": count - keep - reject}

    def facets(self, album: str) -> tuple[list[Person], list[str]]:
        """Return who added items, and the titles of their workflows."""
        query = select(_items.c.owner, _items.c.by, _items.c.title).distinct()
        with reading(self._engine) as connection:
            rows = connection.execute(query.where(_of_album(album))).all()
        people = {row.owner: Person(row.owner, unescaped(row.by)) for row in rows}
        titles = {unescaped(row.title) for row in rows}
        by_name = sorted(people.values(), key=lambda one: one.by.casefold())
        return by_name, sorted(titles, key=str.casefold)

    # Reviews and comments

    def reviews(self, items: Iterable[int]) -> list[Review]:
        """Return the reviews of these items, by name."""
        query = select(_reviews).where(_reviews.c.item.in_(list(items)))
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(_reviews.c.by, _reviews.c.person)).all()
        return [Review(**_values(row)) for row in rows]

    def review(self, album: str, n: int, person: Person, verdict: Verdict, stars: int) -> None:
        """Store a person's review of an item, in place of their previous one."""
        own = (_reviews.c.item == n) & (_reviews.c.person == person.key)
        with transaction(self._engine) as connection:
            _touch(connection, album, n)
            connection.execute(delete(_reviews).where(own))
            if verdict or stars:
                _insert(connection, _reviews, Review(n, *person, verdict, stars))
            _check_number(connection, _reviews.c.item, n, _MOST_REVIEWS)
            counts = {"keeps": _number_of("keep"), "rejects": _number_of("reject")}
            connection.execute(update(_items).where(_items.c.n == n).values(counts))

    def comments(self, album: str, n: int) -> list[Comment]:
        """Return the comments about an item, oldest first."""
        self.item(album, n)
        query = select(_comments).where(_comments.c.item == n).order_by(_comments.c.n)
        with reading(self._engine) as connection:
            return [Comment(**_values(row)) for row in connection.execute(query)]

    def comment(
        self, album: str, n: int, person: Person, text: str, point: tuple[float, float] | None
    ) -> Comment:
        """Add a comment about an item."""
        x, y = point or (None, None)
        new = Comment(0, n, *person, time.time(), x, y, text)
        row = {key: value for key, value in _escaped(asdict(new)).items() if key != "n"}
        with transaction(self._engine) as connection:
            _touch(connection, album, n)
            made = connection.execute(insert(_comments).values(row)).inserted_primary_key
            _check_number(connection, _comments.c.item, n, _MOST_COMMENTS)
            _count_comments(connection, n)
        return replace(new, n=int(made[0]) if made else 0)

    def delete_comment(self, album: str, n: int, comment: int, person: str | None) -> None:
        """Delete a comment about an item: this person's, or with None any."""
        which = (_comments.c.n == comment) & (_comments.c.item == n)
        if person is not None:
            which &= _comments.c.person == person
        with transaction(self._engine) as connection:
            _touch(connection, album, n)
            if not connection.execute(delete(_comments).where(which)).rowcount:
                raise AlbumNotFound
            _count_comments(connection, n)
        erase_deleted(self._engine)

    # Links

    def add_link(
        self, album: str, name: str, days: float, *, comments: bool, settings: bool
    ) -> AlbumLink:
        now, token = time.time(), secrets.token_urlsafe(24)
        link = AlbumLink(token, album, name, now + days * 24 * 3600, comments, settings)
        with transaction(self._engine) as connection:
            connection.execute(delete(_links).where(_links.c.expires_at < now))
            _insert(connection, _links, link)
            if _count(connection, _links.c.album, album) > _MOST_LINKS:
                raise ComfyError(message("This album has too many links. End one first."))
        return link

    def links(self, album: str) -> list[AlbumLink]:
        """Return the links to an album that haven't ended, the one that ends last first."""
        return self._links(_links.c.album == album)

    def link(self, token: str) -> AlbumLink:
        (found,) = self._links(_links.c.token == escaped(token)) or _missing()
        return found

    def end_link(self, album: str, token: str) -> None:
        which = (_links.c.album == album) & (_links.c.token == escaped(token))
        if not self._delete(delete(_links).where(which), album):
            raise AlbumNotFound

    def _links(self, which: ColumnElement[bool]) -> list[AlbumLink]:
        query = select(_links).where(which, _links.c.expires_at > time.time())
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(_links.c.expires_at.desc())).all()
        return [AlbumLink(**_values(row)) for row in rows]

    def _delete(self, statement: Delete, album: str = "") -> int:
        """Delete rows, and give the `album` that had them its next version; return their number."""
        with transaction(self._engine) as connection:
            if album:
                _next_version(connection, album)
            count = connection.execute(statement).rowcount
        erase_deleted(self._engine)
        return count


_ITEM = tuple(_items.c[one.name] for one in fields(AlbumItem))
# Columns with texts of users, which any database must be able to store.
_TEXTS = ("by", "name", "title", "prompt", "note", "text", "run")


def _escaped(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: escaped(one) if key in _TEXTS else one for key, one in values.items()}


def _values(row: Row[Any]) -> dict[str, Any]:
    values = row._mapping.items()
    return {key: unescaped(one) if key in _TEXTS else one for key, one in values}


def _insert(connection: Connection, table: Table, row: Album | Review | AlbumLink) -> None:
    connection.execute(insert(table).values(_escaped(asdict(row))))


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


def _touch(connection: Connection, album: str, n: int) -> None:
    """Give an album and an item of it the next version."""
    changed = {"version": _next_version(connection, album)}
    which = _of_album(album) & (_items.c.n == n)
    if not connection.execute(update(_items).where(which).values(changed)).rowcount:
        raise AlbumNotFound


def _check_parents(connection: Connection, album: str) -> None:
    """Raise ComfyError if an album would be inside of itself, or too deep."""
    above: str | None = album
    for _ in range(_DEEPEST):
        query = select(_albums.c.parent).where(_albums.c.id == above)
        above = connection.execute(query).scalar()
        if above is None:
            return
    raise ComfyError(message("An album can't be in this one."), message("Choose another album."))


def _verdicts(connection: Connection, album: str) -> tuple[int, int, int]:
    """Return the numbers of an album's items, of the kept and of the rejected ones."""
    sums = (func.sum(case((one, 1), else_=0)) for one in (_KEPT, _REJECTED))
    query = select(func.count(), *sums).select_from(_items).where(_of_album(album))
    count, kept, rejected = connection.execute(query).one()
    return count, int(kept or 0), int(rejected or 0)


def _count(connection: Connection, column: ColumnElement[Any], value: object) -> int:
    query = select(func.count()).where(column == value)
    return int(connection.execute(query).scalar_one())


def _check_number(
    connection: Connection, column: ColumnElement[Any], value: object, most: int
) -> None:
    if _count(connection, column, value) > most:
        raise ComfyError(message("This result has too many reviews or comments."))


def _number_of(verdict: Verdict) -> ColumnElement[Any]:
    own = (_reviews.c.item == _items.c.n) & (_reviews.c.verdict == verdict)
    return select(func.count()).where(own).correlate(_items).scalar_subquery()


def _count_comments(connection: Connection, n: int) -> None:
    count = select(func.count()).where(_comments.c.item == n).scalar_subquery()
    connection.execute(update(_items).where(_items.c.n == n).values(comments=count))
