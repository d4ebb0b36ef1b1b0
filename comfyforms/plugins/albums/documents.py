"""Documents of albums and their parts, which `Visit` makes for a caller. Addresses are paths below
the app's root, times are in seconds since 1970, and `by` is a name for people."""

from __future__ import annotations

from dataclasses import dataclass

from comfyforms.plugins.albums.access import Right
from comfyforms.plugins.albums.store import (
    AlbumLink,
    Counts,
    ShownAlbum,
    ShownComment,
    ShownItem,
    ShownReview,
    Verdict,
)
from comfyforms.plugins.albums.summaries import Crowd, Reviewer
from ui.documents.history_docs import SharedValues


@dataclass(frozen=True, slots=True)
class AlbumDoc(ShownAlbum):
    """An album. `items`, `kept`, `unreviewed`: numbers of results, the last for the caller;
    `covers`: addresses of small images; `version` grows with each change; `may`: the caller's
    rights; `new_comments`: others' comments since its owner looked; `link`: for guests, shown to
    its owner; `ends_at`: when the link of the calling guest ends; `reviewers`: for callers who may
    begin a round, `crowd`: for the owner, in no list."""

    mine: bool
    items: int
    kept: int
    unreviewed: int
    covers: tuple[str, ...]
    may: tuple[Right, ...]
    link: AlbumLink | None
    new_comments: int = 0
    ends_at: float | None = None
    reviewers: tuple[Reviewer, ...] = ()
    crowd: Crowd | None = None


@dataclass(frozen=True, slots=True)
class AlbumsDoc:
    """Part of a list of albums, whose notes are left out. `next`: the `cursor` of the next part,
    null on the last."""

    albums: tuple[AlbumDoc, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class ReviewDoc(ShownReview):
    """A person's verdict and stars, 0 for none."""

    mine: bool


@dataclass(frozen=True, slots=True)
class ItemDoc(ShownItem):
    """A result. `title`: the workflow's. `settings`: the caller can use them. `verdict`, `stars`:
    the caller's; `keeps`, `rejects`, `comments`: numbers. `color`: the average color of the small
    image (`thumb`), null if unknown."""

    id: str
    address: str
    thumb: str | None
    color: str | None
    mine: bool
    verdict: Verdict
    stars: int
    reviews: tuple[ReviewDoc, ...]


@dataclass(frozen=True, slots=True)
class ItemsDoc:
    """Results, newest first."""

    items: tuple[ItemDoc, ...]


@dataclass(frozen=True, slots=True)
class ItemsPage(ItemsDoc):
    """Part of an album's results. `next`: the `cursor` of the next part, null on the last. `total`:
    how many results the filter selects, with the first part."""

    next: str | None
    version: int
    counts: Counts
    total: int | None = None


@dataclass(frozen=True, slots=True)
class CommentDoc(ShownComment):
    """A comment, with a point of the image from 0 to 1 or without."""

    id: str
    mine: bool
    may_delete: bool


@dataclass(frozen=True, slots=True)
class CommentsDoc:
    """Comments, oldest first. `next`: the cursor of the next page, None on the last."""

    comments: tuple[CommentDoc, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class ItemValues(SharedValues):
    """Values of a form, as for the result `item`."""

    item: str


@dataclass(frozen=True, slots=True)
class ItemsValues:
    """Values of several results."""

    items: tuple[ItemValues, ...]


# Documents that the script reads.
DOCUMENTS = (AlbumDoc, AlbumsDoc, ItemsPage, CommentsDoc, ItemsValues)
