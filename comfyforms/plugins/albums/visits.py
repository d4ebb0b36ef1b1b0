"""Albums as their callers see them.

In a path, the token of a link stands for its album: callers who use it are guests, signed in or
not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache, partial
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import HTTPException, Query, Request

from comfy.base.messages import message
from comfy.base.wording import one_line
from comfy.library.private import MARK as OPENED_MARK
from comfy.records.blobs import BlobStore
from comfyforms.hooks import PluginApp
from comfyforms.plugins.albums.access import Relation, Right, rights_by_link, rights_of
from comfyforms.plugins.albums.documents import AlbumDoc, CommentDoc, ItemDoc, ReviewDoc
from comfyforms.plugins.albums.filters import VOTED, Viewer, WantedItems
from comfyforms.plugins.albums.store import (
    Album,
    AlbumAccess,
    AlbumItem,
    AlbumLink,
    AlbumNotFound,
    AlbumStore,
    Comment,
    Counts,
    Facet,
    Person,
    Review,
    ShownAlbum,
    ShownComment,
    ShownItem,
)
from ui.languages.current import translated
from ui.web.addresses import client_address
from ui.web.cookies import new_browser
from ui.web.identity import NEW_BROWSER, NEW_BROWSERS, NOBODY
from ui.web.rates import Rate
from ui.web.responses import API
from ui.web.shares import shared_address
from ui.web.urls import download_name

_GUEST = message("Guest")
NO_COOKIE = message("Albums need cookies. Allow cookies for this page.")
_NAME_FIRST = message("Enter your name first.")
_NO_RIGHT = message("You can't do this in this album.")


@dataclass(frozen=True, slots=True)
class Asked:
    """Request about an album. `album`: its id, or the token of a link; `guest`: the name that a
    guest gives."""

    request: Request
    album: str
    guest: Annotated[str, Query(max_length=60)] = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """An album as a caller sees it. `id`: as in the path; `owner`: of the caller's runs, "" without
    a sign-in or a cookie; `sees`: whether their groups see a workflow; `link`: by which a guest
    came."""

    id: str
    album: Album
    owner: str
    person: Person
    rights: frozenset[Right]
    sees: Callable[[str], bool]
    link: AlbumLink | None = None

    @property
    def has_opinions(self) -> bool:
        """Return whether the caller sees more than the results that are kept."""
        return Right.OPINIONS in self.rights

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.person.key, bool(self.owner), opinions=self.has_opinions)

    def name_of(self, by: str) -> str:
        return (by or translated(_GUEST)) if self.has_opinions else ""

    @property
    def author(self) -> Person:
        """Return the caller as an author of reviews. Raises HTTPException for a guest without a
        name or a cookie."""
        if self.link and not self.person.by:
            raise HTTPException(422, _NAME_FIRST)
        if self.link and not self.person.key:
            raise HTTPException(409, NO_COOKIE)
        return self.person

    def sees_settings(self, item: AlbumItem) -> bool:
        """Return whether the caller sees a result's prompt and settings. Users share theirs with
        other users; visitors and guests see only the album owner's."""
        is_meant = bool(self.owner) or item.owner == self.album.owner
        is_shown = item.settings and is_meant and Right.SETTINGS in self.rights
        return is_shown or item.owner == self.person.key

    def knows(self, item: AlbumItem | Facet) -> bool:
        """Return whether the caller learns the workflow of a result: its owner does, and guests of
        a link that shows settings learn the album owner's. For others, their groups decide."""
        is_shown = self.link is not None and self.link.settings
        is_told = is_shown and item.owner == self.album.owner
        is_open = item.workflow.startswith(OPENED_MARK) or self.sees(item.workflow)
        return is_told or is_open or item.owner == self.person.key

    def has_metadata(self, item: AlbumItem) -> bool:
        """Return whether the caller gets the metadata, which contains the workflow, and the values
        of a result."""
        return self.sees_settings(item) and self.knows(item)

    def shown(self, item: AlbumItem) -> AlbumItem:
        """Return a result as the caller sees it: without a title if they don't learn its workflow,
        without a prompt if its owner doesn't show it, and without votes if they see none."""
        if not self.has_opinions:
            item = replace(item, keeps=0, rejects=0, comments=0)
        item = replace(
            item,
            by=self.name_of(item.by),
            prompt=item.prompt if self.sees_settings(item) else "",
            settings=item.settings and self.has_metadata(item),
        )
        name = f"result{PurePosixPath(item.name).suffix}"
        return item if self.knows(item) else replace(item, title="", name=name)

    def address(self, n: int, part: str) -> str:
        return f"{API}/albums/{self.id}/items/{n}/{part}"

    def file_address(self, item: AlbumItem) -> str:
        return self.address(item.n, f"file/{download_name(self.shown(item).name)}")

    def album_doc(
        self, counts: Counts, covers: Sequence[int], link: AlbumLink | None, new_comments: int
    ) -> AlbumDoc:
        album, counts = self.album, self.counts(counts)
        facts = _shown(ShownAlbum, album) | {"id": self.id, "by": self.name_of(album.by)}
        if self.link:
            facts["parent"] = None
        return AlbumDoc(
            **facts,
            mine=album.owner == self.person.key,
            items=counts.items,
            kept=counts.keep,
            unreviewed=counts.unreviewed if Right.REVIEW in self.rights else 0,
            covers=tuple(self.address(n, "thumb") for n in covers),
            may=tuple(sorted(self.rights)),
            link=link if Right.CHANGE in self.rights else None,
            new_comments=new_comments,
            ends_at=self.link.expires_at if self.link else None,
        )

    def counts(self, counts: Counts) -> Counts:
        """Return the numbers of the results that the caller sees, without others' votes for a guest
        who has none."""
        if self.is_undecided(counts):
            return replace(counts, keep=0, reject=0, disagreed=0, open=counts.items)
        return counts if self.has_opinions else Counts(counts.keep)

    def is_undecided(self, counts: Counts) -> bool:
        """Return whether the caller is a guest who may vote, and hasn't in the latest round."""
        may = self.link is not None and Right.REVIEW in self.rights
        return may and counts.unreviewed == counts.items

    def told(self, wanted: WantedItems, counts: Counts) -> WantedItems:
        """Return a filter without what tells of votes that the caller doesn't see."""
        if self.has_opinions and not self.is_undecided(counts):
            return wanted
        is_told = self.has_opinions and wanted.verdict not in VOTED
        return replace(wanted, verdict=wanted.verdict if is_told else "", sort="")

    def sees_votes(self, reviews: Sequence[Review]) -> bool:
        """Return whether the caller sees a result's votes. Guests who may vote do so first."""
        may = self.link is not None and Right.REVIEW in self.rights
        return not may or any(one.person == self.person.key for one in reviews)

    def item_doc(self, item: AlbumItem, reviews: Sequence[Review], blobs: BlobStore) -> ItemDoc:
        own = next((one for one in reviews if one.person == self.person.key), None)
        if not self.sees_votes(reviews):
            item = replace(item, keeps=0, rejects=0)
        return ItemDoc(
            **_shown(ShownItem, self.shown(item)),
            id=str(item.n),
            address=self.file_address(item),
            thumb=self.address(item.n, "thumb") if item.has_thumb else None,
            color=blobs.color(item.digest),
            mine=item.owner == self.person.key,
            verdict=own.verdict if own else "",
            stars=own.stars if own else 0,
            reviews=tuple(
                ReviewDoc(self.name_of(one.by), one.verdict, one.stars, one is own)
                for one in reviews
            ),
        )

    def comment_doc(self, comment: Comment) -> CommentDoc:
        is_mine = comment.person == self.person.key
        return CommentDoc(
            **_shown(ShownComment, comment) | {"by": self.name_of(comment.by)},
            id=str(comment.n),
            mine=is_mine,
            may_delete=is_mine or Right.TAKE_BACK in self.rights,
        )


@dataclass(frozen=True, slots=True)
class Visits:
    """Finder of albums for their callers."""

    app: PluginApp
    store: AlbumStore
    new: Rate = field(default_factory=lambda: Rate(NEW_BROWSERS, NEW_BROWSER))

    def caller(self, request: Request) -> tuple[str, Person]:
        """Return the owner of the caller's runs, and the person; an empty owner and no person
        without a sign-in or a cookie."""
        owner = self.app.identity.owner(request) or ""
        if owner in ("", NOBODY):
            return "", Person("", "", client_address(request.scope))
        address = shared_address(owner, request.scope)
        return owner, Person.of(owner, self.app.identity.name_of(owner), address)

    def of(self, asked: Asked, need: Right = Right.LOOK) -> Visit:
        """Return the album if the caller has this right. Raises AlbumNotFound if they may not look,
        and HTTPException if they may, but lack the right."""
        try:
            visit = self.of_album(asked.request, self.store.get(asked.album))
        except AlbumNotFound:
            visit = self._of_link(asked)
        if Right.LOOK not in visit.rights:
            raise AlbumNotFound
        if need not in visit.rights:
            raise HTTPException(403, _NO_RIGHT)
        return visit

    def listed(self, request: Request) -> list[Album]:
        """Return the caller's albums, then other people's visible ones, without notes."""
        owner, person = self.caller(request)
        if owner:
            return self.store.seen_by(person.key, ("shared", "public"))
        return [x for x in self.store.seen_by("", ("public",)) if not self._lost_its_owner(x)]

    def of_album(self, request: Request, album: Album) -> Visit:
        owner, person = self.caller(request)
        relation: Relation = "member" if owner else "visitor"
        if owner and person.key == album.owner:
            relation = "owner"
        elif owner and self.app.operates(request):
            relation = "administrator"
        is_shut = relation == "visitor" and self._lost_its_owner(album)
        access: AlbumAccess = "private" if is_shut else album.access
        rights = rights_of(relation, access, public_settings=album.public_settings)
        return Visit(album.id, album, owner, person, rights, self._sees(owner))

    def welcome(self, asked: Asked, visit: Visit) -> dict[str, str]:
        """Return the headers that give a new guest's browser a cookie, which is the guest, with all
        that they said under their name before guests had cookies. The number per address is
        limited."""
        cookies, address = self.app.identity.cookies, client_address(asked.request.scope)
        if visit.link is None or cookies.browser(asked.request):
            return {}
        if not self.new.take(address, time.monotonic()):
            return {}
        browser, token = new_browser(), visit.link.token
        if name := one_line(asked.guest):
            self.store.adopt(token, name, Person.guest(token, browser, ""))
        return {"set-cookie": cookies.new(asked.request, browser)}

    def _lost_its_owner(self, album: Album) -> bool:
        """Return whether the owner was removed: visitors and guests may no longer look."""
        return self.app.identity.is_removed_key(album.owner, album.by)

    def _sees(self, owner: str) -> Callable[[str], bool]:
        return cache(partial(self.app.services.forms.permissions.sees, owner))

    def _of_link(self, asked: Asked) -> Visit:
        link = self.store.link(asked.album)
        name = one_line(asked.guest)
        by = translated(message("{name} (guest)", name=name)) if name else ""
        browser = self.app.identity.cookies.browser(asked.request) or ""
        person = Person.guest(link.token, browser, by, client_address(asked.request.scope))
        album, rights = self.store.get(link.album), rights_by_link(link)
        if self._lost_its_owner(album):
            raise AlbumNotFound
        return Visit(link.token, album, "", person, rights, self._sees(""), link)


def _shown(facts: type[ShownAlbum | ShownItem | ShownComment], row: object) -> dict[str, Any]:
    """Return the fields of a row that documents have, too."""
    return {one.name: getattr(row, one.name) for one in fields(facts)}
