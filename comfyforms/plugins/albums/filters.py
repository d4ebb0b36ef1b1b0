"""Filter and order of an album's items, as SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, exists, func, select

from comfy.records.rows import escaped, search_words
from comfy.records.tables import runs as _runs
from comfyforms.plugins.albums.tables import album_comments as _comments
from comfyforms.plugins.albums.tables import album_items as _items
from comfyforms.plugins.albums.tables import album_reviews as _reviews

# "open": no one has decided; "disagreed": people keep and reject it; "unreviewed": the caller
# hasn't decided; "dropped": a round ended without it. All others are of the latest round.
WantedVerdict = Literal[
    "", "keep", "reject", "open", "disagreed", "dropped", "commented", "unreviewed"
]
VOTED: tuple[WantedVerdict, ...] = ("keep", "reject", "open", "disagreed")
ItemSort = Literal["", "votes", "stars"]

MOST_NUMBER = 2**31 - 1  # of an item or a comment
IN_ROUND = _items.c.dropped == 0
# In the order of `Counts`.
VERDICTS: Mapping[WantedVerdict, ColumnElement[bool]] = MappingProxyType(
    {
        "keep": IN_ROUND & (_items.c.keeps > 0) & (_items.c.rejects == 0),
        "reject": IN_ROUND & (_items.c.keeps == 0) & (_items.c.rejects > 0),
        "open": IN_ROUND & (_items.c.keeps == 0) & (_items.c.rejects == 0),
        "disagreed": IN_ROUND & (_items.c.keeps > 0) & (_items.c.rejects > 0),
        "dropped": ~IN_ROUND,
        "commented": IN_ROUND & (_items.c.comments > 0),
    }
)
_STARS = select(func.coalesce(func.avg(func.nullif(_reviews.c.stars, 0)), 0))
SORTS: Mapping[ItemSort, ColumnElement[Any]] = MappingProxyType(
    {
        "votes": _items.c.keeps - _items.c.rejects,
        "stars": _STARS.where(_reviews.c.item == _items.c.n).correlate(_items).scalar_subquery(),
    }
)
# Items whose runs aren't hidden.
LISTED = _items.c.run.not_in(select(_runs.c.id).where(_runs.c.deleted_at.is_not(None)))


class Viewer(NamedTuple):
    """Caller of a filter. `person`: the key; `prompts`: search them, too; `hidden`:
    workflows whose titles only their results' owners see; `opinions`: without them, only kept
    results are there, and no search or order tells about people."""

    person: str = ""
    prompts: bool = False
    hidden: Collection[str] = ()
    opinions: bool = True

    def of(self, album: str) -> ColumnElement[bool]:
        """Select the items of an album that the caller sees."""
        which = of_album(album)
        return which if self.opinions else which & VERDICTS["keep"]


EVERYBODY = Viewer()


@dataclass(frozen=True, slots=True)
class WantedItems:
    """Filter of items: by verdict, by words, and changed after the album's version `since`. `sort`:
    those with the most people who keep them, less those who reject them, or with the most stars on
    average come first, otherwise the newest."""

    verdict: WantedVerdict = ""
    text: str = ""
    since: int | None = None
    sort: ItemSort = ""

    def of(self, album: str, viewer: Viewer) -> ColumnElement[bool]:
        """Select items of an album."""
        which = viewer.of(album)
        is_open = _items.c.workflow.not_in({escaped(one) for one in viewer.hidden})
        is_titled = is_open | (_items.c.owner == viewer.person)
        if self.verdict or self.since is None:
            which &= VERDICTS.get(self.verdict, IN_ROUND)
        if self.verdict == "unreviewed":
            which &= ~decided_by(viewer.person)
        if self.since is not None:
            which &= _items.c.version > within(self.since)
        for word in search_words(self.text):
            in_words = _items.c.words.contains(word, autoescape=True)
            in_title, in_prompt, in_name, in_comment = (
                column.icontains(escaped(word), autoescape=True)
                for column in (_items.c.title, _items.c.prompt, _items.c.by, _comments.c.text)
            )
            is_commented = exists().where(_comments.c.item == _items.c.n, in_comment)
            number = word.removeprefix("#")
            is_number = _items.c.number == within(int(number) if number.isdecimal() else -1)
            anywhere = (is_titled & in_words) | (~is_titled & in_prompt)
            found = anywhere if viewer.prompts else is_titled & in_title
            by_people = (in_name | is_commented) & viewer.opinions
            which &= is_number | by_people | found
        return which


def within(number: int) -> int:
    """Return the nearest number that a column can have."""
    return max(-1, min(number, MOST_NUMBER))


def decided_by(person: str, verdict: str = "") -> ColumnElement[bool]:
    """Select what a person has decided, with this verdict or with any."""
    own = (_reviews.c.item == _items.c.n) & (_reviews.c.person == person)
    own &= _reviews.c.verdict == verdict if verdict else _reviews.c.verdict != ""
    return exists().where(own).correlate(_items)


def of_album(album: str) -> ColumnElement[bool]:
    return (_items.c.album == album) & LISTED
