"""REST routes of albums, for users and for guests with a link."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, get_args

from fastapi import Depends, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator, Field

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.messages import labeled, message
from comfy.base.wording import one_line
from comfy.batches.grids import MOST_CELLS, CellLine, GridSheet, draw_grid
from comfy.records.audit import AuditAction
from comfy.records.record import Record
from comfy.records.store import RunStore
from comfyforms.hooks import PluginApp
from comfyforms.plugins.albums.access import Right
from comfyforms.plugins.albums.changes import AlbumWatch
from comfyforms.plugins.albums.documents import (
    AlbumDoc,
    AlbumsDoc,
    CommentDoc,
    CommentsDoc,
    ItemDoc,
    ItemsDoc,
    ItemsPage,
    ItemsValues,
    ItemValues,
)
from comfyforms.plugins.albums.filters import MOST_NUMBER, WantedItems, WantedVerdict
from comfyforms.plugins.albums.store import (
    FULL,
    MOST_ITEMS,
    AlbumAccess,
    AlbumItem,
    AlbumLink,
    AlbumNotFound,
    AlbumStore,
    ItemFile,
    Review,
    Verdict,
)
from comfyforms.plugins.albums.summaries import Summaries
from comfyforms.plugins.albums.visits import NO_COOKIE, Asked, Visit, Visits
from ui.administration.audit_log import AuditLog
from ui.api.batches.rows import download_of
from ui.api.links import shared_values
from ui.api.runs import PAGE_LENGTH, Limit, NumberCursor, Runs, page_of
from ui.api.streams import EVENTS, STREAM, LiveStream
from ui.documents.run_doc import shared_name
from ui.files.result_files import (
    MOST_CHOSEN,
    NO_PROMPT_NO_FILE,
    ResultFiles,
    as_file,
    saved_places,
    sent_thumbnail,
    zip_download,
)
from ui.languages.current import current_language, translated
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.audit import is_shown
from ui.web.responses import AsciiJSON, has_tag
from ui.web.shares import Work
from ui.web.urls import thumbnail_address

_UNTITLED = message("Enter a title first.")
_NOT_YOURS = message("You can only move your own results there.")
_LONGEST_PAGE = 500  # items
_SHEET = 2000  # pixels of a contact sheet, to print it
_MARGIN = 64
_LEAST_COLUMNS = 3
_SHARP = 36  # images of a contact sheet that are larger there than their thumbnails

_Asked = Annotated[Asked, Depends()]
_Number = Annotated[int, Field(ge=0, le=MOST_NUMBER)]
_Chosen = Annotated[list[_Number], Query(min_length=1, max_length=MOST_CHOSEN)]
_Some = Annotated[list[_Number], Query(max_length=MOST_CHOSEN, default_factory=list)]
_Point = Annotated[float | None, Field(ge=0, le=1)]


def _line_of(title: object) -> object:
    return one_line(title) if isinstance(title, str) else title


_Title = Annotated[str, BeforeValidator(_line_of), Field(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class AlbumFields:
    """Fields of an album that its owner sets. `parent`: the album that it is in, "" for none;
    `public_settings`: visitors see prompts and settings, as long as the album is public."""

    title: _Title | None = None
    note: Annotated[str, Field(max_length=5_000)] | None = None
    access: AlbumAccess | None = None
    parent: str | None = None
    public_settings: bool | None = None

    def changes(self) -> dict[str, Any]:
        """Return the given values."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if given.get("access", "public") != "public":
            given["public_settings"] = False  # a later public access asks again
        return given | ({"parent": self.parent or None} if "parent" in given else {})


@dataclass(frozen=True, slots=True)
class ChosenFile:
    """File of a finished run, by its number in the run."""

    run: str
    file: int


@dataclass(frozen=True, slots=True)
class NewItems:
    """Results to add: single ones, all of some runs, and all of a batch. `settings`: also show
    their prompts and settings."""

    results: Annotated[tuple[ChosenFile, ...], Field(max_length=MOST_CHOSEN, fail_fast=True)] = ()
    runs: Annotated[tuple[str, ...], Field(max_length=MOST_CHOSEN, fail_fast=True)] = ()
    batch: str = ""
    settings: bool = False


@dataclass(frozen=True, slots=True)
class NewPlace:
    """The album that results move to. `copies`: they also stay where they are."""

    album: str
    copies: bool = False


@dataclass(frozen=True, slots=True)
class NewReview:
    """A verdict, "" for none, and stars, 0 for none. `round`: the latest one that you know."""

    verdict: Verdict = ""
    stars: Annotated[int, Field(ge=0, le=5)] = 0
    round: _Number = 0


@dataclass(frozen=True, slots=True)
class NewComment:
    """A comment, with a point of an image from 0 to 1 or without."""

    text: Annotated[str, Field(min_length=1, max_length=2_000)]
    x: _Point = None
    y: _Point = None


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link for guests that ends after some days. `comments`: they can review and comment;
    `settings`: they see the prompts that the album shows."""

    days: Annotated[float, Field(gt=0, le=90)] = 7
    comments: bool = False
    settings: bool = False


def albums_api(app: PluginApp, history: RunStore, store: AlbumStore) -> GuardedRoutes:
    """Return the routes below `/albums`."""
    return GuardedRoutes.of(
        AlbumHandlers(
            app,
            history,
            store,
            Visits(app, store),
            AuditLog(history.audit),
            AlbumWatch(store),
            Summaries(history.engine),
            app.parts.run_docs(app.settings.root_path),
            app.parts.results,
        )
    )


@dataclass(frozen=True, slots=True)
class AlbumHandlers:
    """Handlers of these routes."""

    app: PluginApp
    history: RunStore
    store: AlbumStore
    visits: Visits
    audit: AuditLog
    watch: AlbumWatch
    summaries: Summaries
    docs: Runs
    results: ResultFiles

    routes = GuardedRoutes("/albums", tags=["Albums"])

    def _note(self, visit: Visit, action: AuditAction, what: str, *, seen: bool = False) -> None:
        """Record an action, unless only the owner sees the album. `seen`: guests do."""
        if seen or visit.link or visit.album.access != "private":
            guest, address = visit.person.by if visit.link else "", visit.person.address
            self.audit.event(visit.owner, action, what, guest, address)

    def _note_access(self, visit: Visit, before: AlbumAccess) -> None:
        """Record that others got, or lost, access to an album. `before`: the access until now."""
        now, title, levels = visit.album.access, visit.album.title, get_args(AlbumAccess)
        what = message("Team access to the album “{album}”", album=title)
        if "public" in (before, now):
            what = message("Public access to the album “{album}”", album=title)
        if now != before:
            is_wider = levels.index(now) > levels.index(before)
            self._note(visit, "share" if is_wider else "delete", what, seen=True)

    def _album_docs(self, visits: Sequence[Visit]) -> tuple[AlbumDoc, ...]:
        ids, store = [one.album.id for one in visits], self.store
        counts = store.counts(ids, visits[0].person.key) if visits else {}
        covers = store.covers(ids, visits[0].viewer) if visits else {}
        links = store.links(ids)
        owners = {one.person.key for one in visits if one.owner}
        news = self.summaries.new_comments(owners.pop()) if owners else {}
        return tuple(
            one.album_doc(counts[key], covers[key], links.get(key), news.get(key, 0))
            for key, one in zip(ids, visits, strict=True)
        )

    @routes.get("", Access.PUBLIC, response_model=AlbumsDoc)
    def list_albums(
        self, request: Request, cursor: str = "", limit: Limit = PAGE_LENGTH
    ) -> AsciiJSON:
        """Return your albums, then those that others share, by title, without their notes.

        `next` is the `cursor` of the next page, null on the last.
        """
        page, more = page_of(self.visits.listed(request), cursor, limit)
        visits = [self.visits.of_album(request, one) for one in page]
        return AsciiJSON(AlbumsDoc(self._album_docs(visits), more))

    @routes.post("", Access.SIGNED_IN, status_code=201, response_model=AlbumDoc)
    def create_album(self, request: Request, fields: AlbumFields) -> AsciiJSON:
        """Create an album, also in another one of yours.

        A `private` album is for you, a `shared` one for everybody who is signed in, and a `public`
        one shows kept results to everybody who can open the app, without votes, comments and names,
        and with prompts only after `public_settings`.
        """
        if fields.title is None:
            raise HTTPException(422, _UNTITLED)
        given = {"note": "", "access": "private", "parent": None} | fields.changes()
        _, person = self.visits.caller(request)
        if not person.key:
            raise HTTPException(409, NO_COOKIE)
        self._check_parent(request, fields)
        visit = self.visits.of(Asked(request, self.store.create(person, **given).id))
        self._note_access(visit, "private")
        return AsciiJSON(self._album_docs([visit])[0], 201)

    def _check_parent(self, request: Request, fields: AlbumFields) -> None:
        if fields.parent:
            self.visits.of(Asked(request, fields.parent), Right.CHANGE)

    @routes.get("/{album}", Access.PUBLIC, response_model=AlbumDoc)
    def get_album(self, asked: _Asked) -> AsciiJSON:
        """Return an album, and what you may do in it.

        In all routes, the token of a link stands for its album. Guests give their name as `guest`.
        """
        visit = self.visits.of(asked)
        (doc,) = self._album_docs([visit])
        if Right.TAKE_BACK in visit.rights:
            people = self.summaries.reviewers(visit.album.id)
            doc = replace(doc, reviewers=tuple(replace(x, by=visit.name_of(x.by)) for x in people))
        if Right.CHANGE in visit.rights:
            doc = replace(doc, crowd=self.summaries.crowd(visit.album.id))
        if doc.new_comments:
            self.summaries.note_seen(visit.album.id)
        answer = AsciiJSON(doc)
        answer.headers.update(self.visits.welcome(asked, visit))
        return answer

    @routes.patch("/{album}", Access.SIGNED_IN, response_model=AlbumDoc)
    def change_album(self, asked: _Asked, fields: AlbumFields) -> AsciiJSON:
        """Change an album of yours, or move it into another one."""
        visit = self.visits.of(asked, Right.CHANGE)
        self._check_parent(asked.request, fields)
        self.store.change(visit.album, fields.changes())
        self._note_access(self.visits.of(asked), visit.album.access)
        return self.get_album(asked)

    @routes.delete("/{album}", Access.SIGNED_IN, status_code=204)
    def delete_album(self, asked: _Asked) -> Response:
        """Delete an album and the albums in it. The results stay with their owners.

        Private albums of another user, which you can't see, stay.
        """
        visit = self.visits.of(asked, Right.TAKE_BACK)
        self.store.delete(visit.album.id, with_private=Right.CHANGE in visit.rights)
        self._note(visit, "delete", message("Album “{album}”", album=visit.album.title))
        return Response(status_code=204)

    @routes.get("/{album}/events", Access.PUBLIC, **STREAM | {"responses": {200: EVENTS[200]}})
    def follow_album(self, asked: _Asked) -> Response:
        """Send the album's version and its number of results as server-sent events.

        The first event `change` is sent at once, another one after each change, and `end` when you
        can't see the album anymore.
        """
        visit, services = self.visits.of(asked), self.app.services
        check, is_over = lambda: self.visits.of(asked), lambda: services.runs.closed
        return LiveStream(self.watch.events(visit.album.id, visit.counts, check, is_over))

    @routes.post("/{album}/link", Access.SIGNED_IN, status_code=201, response_model=AlbumLink)
    def create_album_link(self, asked: _Asked, new: NewLink) -> AsciiJSON:
        """Make the link to an album of yours, for guests without an account.

        It ends the previous link.
        """
        visit = self.visits.of(asked, Right.CHANGE)
        link = self.store.new_link(visit.album.id, **asdict(new))
        what = message("Link to the album “{album}”", album=visit.album.title)
        self._note(visit, "share", what, seen=True)
        return AsciiJSON(link, 201)

    @routes.delete("/{album}/link", Access.SIGNED_IN, status_code=204)
    def delete_album_link(self, asked: _Asked) -> Response:
        """End the link. Its guests see nothing from now on."""
        visit = self.visits.of(asked, Right.CHANGE)
        self.store.end_link(visit.album.id)
        what = message("Link to the album “{album}”", album=visit.album.title)
        self._note(visit, "delete", what, seen=True)
        return Response(status_code=204)

    @routes.get("/{album}/items", Access.PUBLIC, response_model=ItemsPage)
    def list_album_items(
        self,
        asked: _Asked,
        wanted: Annotated[WantedItems, Depends()],
        cursor: NumberCursor = "",
        limit: Annotated[int, Query(ge=1, le=_LONGEST_PAGE)] = 100,
    ) -> AsciiJSON:
        """Return an album's results, newest first.

        `next` is the `cursor` of the next page, null on the last. `since` is a version of the
        album: only results that were added, reviewed or commented on later come. `verdict=keep`
        means that at least one person keeps it and no one rejects it, `open` that no one has
        decided, `disagreed` that people keep and reject it, and `unreviewed` that you haven't
        decided. For users, `text` also searches the prompts that the album shows. With `sort`,
        results with the most stars or votes come first.
        """
        visit = self.visits.of(asked)
        album, is_first = visit.album, not cursor and wanted.since is None
        facets = self.store.facets(album.id) if wanted.text else []
        hidden = {one.workflow for one in facets if not visit.knows(one)}
        viewer = visit.viewer._replace(hidden=hidden)
        counts = self.store.counts([album.id], viewer.person)[album.id]
        wanted = visit.told(wanted, counts)
        begin = int(cursor or 0)
        items = self.store.items(album.id, wanted, limit + 1, viewer, begin)
        is_last, items = len(items) <= limit, items[:limit]
        page = ItemsPage(
            self._item_docs(visit, items),
            None if is_last else str(begin + limit if wanted.sort else items[-1].n),
            album.version,
            visit.counts(counts),
        )
        if is_first:
            page = replace(page, total=self.store.total(album.id, wanted, viewer))
        return AsciiJSON(page)

    def _item_docs(self, visit: Visit, items: Sequence[AlbumItem]) -> tuple[ItemDoc, ...]:
        blobs, reviews = self.results.blobs, self._reviews(visit, items)
        return tuple(visit.item_doc(one, reviews[one.n], blobs) for one in items)

    def _reviews(self, visit: Visit, items: Sequence[AlbumItem]) -> dict[int, list[Review]]:
        """Return the reviews that the caller sees by item."""
        reviews: dict[int, list[Review]] = {one.n: [] for one in items}
        for review in self.store.reviews(reviews) if visit.has_opinions else ():
            reviews[review.item].append(review)
        return {n: found if visit.sees_votes(found) else [] for n, found in reviews.items()}

    @routes.post("/{album}/items", Access.SIGNED_IN, status_code=201, response_model=ItemsDoc)
    def add_album_items(self, asked: _Asked, new: NewItems) -> AsciiJSON:
        """Add results of yours to an album.

        With `settings`, everybody who sees the album sees the prompts and can use the settings, and
        the files contain their metadata. Results that are there already only get the new
        `settings`.
        """
        visit = self.visits.of(asked, Right.ADD)
        files = [
            _file_of(self.results, record, at) for record, at in self._places(new, visit.owner)
        ]
        if not files:
            raise RunNotFound
        if len(files) > MOST_ITEMS:
            raise HTTPException(409, FULL)
        can_strip = self.results.blobs.stripped.of
        if not new.settings and not all(can_strip(one.digest) for one in files):
            raise HTTPException(409, NO_PROMPT_NO_FILE)
        items = self.store.add(visit.album.id, visit.person, files, settings=new.settings)
        self._note(visit, "share", _results_in(visit))
        return AsciiJSON(ItemsDoc(self._item_docs(visit, items)), 201)

    def _places(self, new: NewItems, owner: str) -> Iterator[tuple[Record, int]]:
        """Yield the runs of the results to add, each with the number of a file."""
        table = self.app.services.batches.table(new.batch, owner) if new.batch else None
        rows = range(len(table.content)) if table else range(0)
        of_batch = [table.states.run(at) for at in reversed(rows)] if table else []
        chosen: dict[str, list[int]] = {}  # so that each run is read once
        for one in new.results:
            chosen.setdefault(one.run, []).append(one.file)
        places = ((files, run) for run, files in chosen.items())
        for numbers, record in self.history.each(places, owner):
            if record is None:
                raise RunNotFound
            yield from ((record, at) for at in numbers)
        runs = dict.fromkeys((*new.runs, *of_batch))
        for run, record in self.history.each(((run, run) for run in runs), owner):
            if record is not None and record.state.phase.finished:
                files = record.state.files
                yield from ((record, at) for at in saved_places(record) if files[at].digest)
            elif record is None and run in new.runs:
                raise RunNotFound

    @routes.delete("/{album}/items", Access.SIGNED_IN, status_code=204)
    def delete_album_items(self, asked: _Asked, item: _Chosen) -> Response:
        """Remove results from an album: yours, or in your album any."""
        visit = self.visits.of(asked)
        found = self.store.some(visit.album.id, item)
        are_own = all(one.owner == visit.person.key for one in found)
        if not found or not (are_own or Right.TAKE_BACK in visit.rights):
            raise AlbumNotFound
        self.store.remove(visit.album.id, [one.n for one in found])
        self._note(visit, "delete", _results_in(visit))
        return Response(status_code=204)

    @routes.patch("/{album}/items", Access.SIGNED_IN, status_code=204)
    def move_album_items(self, asked: _Asked, item: _Chosen, to: NewPlace) -> Response:
        """Move results to another album: yours, or between albums of yours any.

        Their reviews and comments come along. With `copies`, the results stay here, too, and their
        copies have no reviews or comments. Other people's results don't move into a private album.
        """
        visit = self.visits.of(asked)
        found = self.store.some(visit.album.id, item)
        are_own = all(one.owner == visit.person.key for one in found)
        target = self.visits.of(Asked(asked.request, to.album), Right.ADD)
        is_open = target.album.access != "private" and Right.CHANGE in target.rights
        if not found:
            raise AlbumNotFound
        if not (are_own or (is_open and Right.CHANGE in visit.rights)):
            raise HTTPException(403, _NOT_YOURS)
        which = [one.n for one in found]
        self.store.move(visit.album.id, target.album.id, which, copies=to.copies)
        albums = {"album": visit.album.title, "target": target.album.title}
        what = message("Results from the album “{album}” to “{target}”", **albums)
        self._note(visit if target.album.access == "private" else target, "move", what)
        return Response(status_code=204)

    @routes.post("/{album}/rounds", Access.SIGNED_IN, status_code=204)
    def start_album_round(self, asked: _Asked, *, disagreed: bool = False) -> Response:
        """Begin a new round with the kept results, which everyone reviews again.

        They lose their verdicts, but not their stars. `disagreed=true` takes along what people
        keep and reject. `verdict=dropped` selects the others, which come back when someone keeps
        them.
        """
        visit = self.visits.of(asked, Right.TAKE_BACK)
        self.store.next_round(visit.album.id, disagreed=disagreed)
        what = message("Next round in the album “{album}”", album=visit.album.title)
        self._note(visit, "review", what)
        return Response(status_code=204)

    @routes.put("/{album}/items/{item}/review", Access.PUBLIC, response_model=ItemDoc)
    def review_album_item(self, asked: _Asked, item: _Number, review: NewReview) -> AsciiJSON:
        """Keep or reject a result, and give it stars, in place of your previous review.

        409 if `round` isn't the latest one. Only a result of an earlier round needs it, to come
        back.
        """
        visit = self.visits.of(asked, Right.REVIEW)
        album = visit.album.id
        self.store.review(album, item, visit.author, **asdict(review))
        what = message("Review in the album “{album}”", album=visit.album.title)
        self._note(visit, "review", what)
        return AsciiJSON(self._item_docs(visit, [self.store.item(album, item)])[0])

    @routes.get("/{album}/items/{item}/comments", Access.PUBLIC, response_model=CommentsDoc)
    def list_album_comments(
        self, asked: _Asked, item: _Number, cursor: NumberCursor = ""
    ) -> AsciiJSON:
        """Return 50 comments about a result, oldest first.

        `next` is the `cursor` of the next page, null on the last.
        """
        visit = self.visits.of(asked, Right.OPINIONS)
        found = self.store.comments(visit.album.id, item, int(cursor or 0), PAGE_LENGTH + 1)
        page = tuple(visit.comment_doc(one) for one in found[:PAGE_LENGTH])
        return AsciiJSON(CommentsDoc(page, page[-1].id if found[PAGE_LENGTH:] else None))

    @routes.post(
        "/{album}/items/{item}/comments", Access.PUBLIC, status_code=201, response_model=CommentDoc
    )
    def add_album_comment(self, asked: _Asked, item: _Number, comment: NewComment) -> AsciiJSON:
        """Comment on a result, or on a point of an image."""
        visit = self.visits.of(asked, Right.REVIEW)
        x, y = comment.x, comment.y
        point = None if x is None or y is None else (x, y)
        made = self.store.comment(visit.album.id, item, visit.author, comment.text, point)
        what = message("Comment in the album “{album}”", album=visit.album.title)
        self._note(visit, "review", what)
        return AsciiJSON(visit.comment_doc(made), 201)

    @routes.delete("/{album}/items/{item}/comments/{comment}", Access.PUBLIC, status_code=204)
    def delete_album_comment(self, asked: _Asked, item: _Number, comment: _Number) -> Response:
        """Delete a comment: yours, or in your album any."""
        visit = self.visits.of(asked)
        person = None if Right.TAKE_BACK in visit.rights else visit.person.key
        self.store.delete_comment(visit.album.id, item, comment, person)
        what = message("Comment in the album “{album}”", album=visit.album.title)
        self._note(visit, "delete", what)
        return Response(status_code=204)

    @routes.get("/{album}/values", Access.SIGNED_IN, work=Work.CATALOG, response_model=ItemsValues)
    def list_album_values(self, asked: _Asked, item: _Chosen, owner: Owner) -> AsciiJSON:
        """Return the values that fill in a form as for these results, and each one's file.

        Results whose settings aren't shown, or whose workflow you can't use, are left out. Input
        files aren't included.
        """
        visit = self.visits.of(asked, Right.SETTINGS)
        found = self.store.some(visit.album.id, item)
        shown = [one for one in found if visit.has_metadata(one)]
        rows: list[ItemValues] = []
        problem: ComfyError = AlbumNotFound()
        for one, record in self._with_records(visit, shown):
            try:
                values = shared_values(self.docs, record.job, owner)
            except ComfyError as error:
                problem = error
                continue
            address, workflow = visit.file_address(one), record.job.workflow
            rows.append(ItemValues(workflow, values, address, one.kind, str(one.n)))
        if not rows:
            raise problem
        return AsciiJSON(ItemsValues(tuple(rows)))

    def _chosen(
        self, visit: Visit, verdict: WantedVerdict, items: Sequence[int], limit: int
    ) -> list[AlbumItem]:
        """Return these items, or those with the verdict."""
        if items:
            return self.store.some(visit.album.id, items, visit.viewer)
        counts = self.store.counts([visit.album.id], visit.person.key)[visit.album.id]
        wanted = visit.told(WantedItems(verdict), counts)
        return self.store.items(visit.album.id, wanted, limit, visit.viewer)

    def _with_records(
        self, visit: Visit, items: Iterable[AlbumItem]
    ) -> Iterator[tuple[AlbumItem, Record]]:
        """Yield the items whose runs can be read, with few runs in memory at a time. Runs have no
        title if the caller doesn't learn their workflow."""
        for one, record in self.history.each(((one, one.run) for one in items), None):
            if record is not None and one.place < len(record.state.files):
                title = visit.shown(one).title
                yield one, replace(record, job=replace(record.job, title=title))

    @routes.get(
        "/{album}/items/{item}/thumb", Access.PUBLIC, work=Work.FILE, **download_of("image/webp")
    )
    def get_album_thumbnail(self, asked: _Asked, item: _Number) -> Response:
        """Return the small image of a result."""
        visit = self.visits.of(asked)
        found = self.store.item(visit.album.id, item, visit.viewer)
        thumbnail = sent_thumbnail(self.results.blobs, found.digest, found.kind)
        return _revalidated(asked, visit, thumbnail)

    @routes.get("/{album}/items/{item}/file/{name}", Access.PUBLIC, **download_of("*/*"))
    def get_album_file(self, asked: _Asked, item: _Number, name: str) -> Response:
        """Return a result's file. If its settings aren't shown, the file has no metadata.

        `name` is only for people.
        """
        visit = self.visits.of(asked)
        found = self.store.item(visit.album.id, item, visit.viewer)
        for _, record in self._with_records(visit, [found]):
            asks = asked.request.headers
            if not is_shown(asks):
                self._note(visit, "download", labeled(_results_in(visit), found.name))
            sees = visit.has_metadata(found)
            file = self.results.send_shared(record, found.place, asks, has_prompt=sees)
            return _revalidated(asked, visit, file)
        raise AlbumNotFound

    @routes.get("/{album}/zip", Access.PUBLIC, **download_of("application/zip"))
    def get_album_zip(
        self,
        asked: _Asked,
        item: _Some,
        *,
        verdict: WantedVerdict = "keep",
        settings: bool = True,
    ) -> StreamingResponse:
        """Return the results with a verdict as a ZIP, the kept ones by default, or chosen ones.

        The names of the files begin with the results' numbers. `settings=false` leaves prompts and
        metadata out of names and files, except where a file's metadata can't be removed.
        """
        visit = self.visits.of(asked)
        items = self._chosen(visit, verdict, item, MOST_ITEMS)
        can_strip = self.results.blobs.stripped.of
        files = (
            (record, one.place, visit.has_metadata(one) and (settings or not can_strip(one.digest)))
            for one, record in self._with_records(visit, items)
        )
        numbers = {(one.run, one.place): one.number for one in items}
        answer = zip_download(self.results.archive(files, numbers), visit.album.title)
        self._note(visit, "download", _results_in(visit))
        return answer

    @routes.get("/{album}/sheet", Access.PUBLIC, **download_of("image/png"))
    def get_album_sheet(
        self, asked: _Asked, item: _Some, verdict: WantedVerdict = "keep"
    ) -> StreamingResponse:
        """Return results with their numbers as one image to print, chosen as for the ZIP."""
        visit, blobs = self.visits.of(asked), self.results.blobs
        items = self._chosen(visit, verdict, item, MOST_CELLS)
        paths = {one: blobs.thumbnail(one.digest, one.kind) for one in items if one.has_thumb}
        shown = [(one, path) for one, path in paths.items() if path is not None]
        if not shown:
            raise AlbumNotFound
        title, places, reviews = visit.album.title, range(len(shown)), self._reviews(visit, items)
        columns = max(_LEAST_COLUMNS, math.isqrt(len(shown) - 1) + 1)
        blocks = [tuple(places[at : at + columns]) for at in places[::columns]]

        def content(at: int) -> Path:
            one, thumbnail = shown[at]
            is_large = len(shown) <= _SHARP and one.kind == "image"
            return (blobs.path(one.digest) if is_large else None) or thumbnail

        words = [_words_of(visit.shown(one), reviews[one.n]) for one, _ in shown]
        lines = (CellLine(cells, "", tuple(words[at] for at in cells)) for cells in blocks)
        number = visit.counts(self.store.counts([visit.album.id])[visit.album.id]).round
        latest = [message("Round {number}", number=number)] if number > 1 else []
        about = " · ".join((*map(translated, latest), current_language().date(time.time())))
        sheet = GridSheet(title, "", "", tuple(lines), about, _MARGIN)
        side = (_SHEET - 2 * _MARGIN) // len(blocks[0])
        image = draw_grid(sheet, content, side, (), blobs.turns.turn)
        return StreamingResponse(image, media_type="image/png", headers=as_file(f"{title}.png"))


def _words_of(item: AlbumItem, reviews: Sequence[Review]) -> str:
    """Return an item's number, votes, and the average of its stars."""
    keeps, rejects = (sum(x.verdict == one for x in reviews) for one in ("keep", "reject"))
    stars = [x.stars for x in reviews if x.stars]
    votes = message("{keeps} kept, {rejects} rejected", keeps=keeps, rejects=rejects)
    average = labeled(message("Stars"), f"{sum(stars) / max(1, len(stars)):.2g}")
    facts = [votes] * bool(keeps or rejects) + [average] * bool(stars)
    return " · ".join((f"#{item.number}", *map(translated, facts)))


def _results_in(visit: Visit) -> str:
    return message("Results in the album “{album}”", album=visit.album.title)


def _revalidated(asked: Asked, visit: Visit, file: Response) -> Response:
    """Return a file that browsers of guests and visitors ask for each time, because their link may
    have ended since; 304 if they have it."""
    if visit.owner:
        return file
    headers = {"cache-control": "private, no-cache", "etag": file.headers["etag"]}
    if has_tag(headers["etag"], asked.request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    file.headers.update(headers)
    return file


def _file_of(results: ResultFiles, record: Record, at: int) -> ItemFile:
    """Return the file at `at` of a finished run. Raises RunNotFound if it isn't stored."""
    files = record.state.files
    if not (record.state.phase.finished and 0 <= at < len(files) and files[at].digest):
        raise RunNotFound
    file = files[at]
    width, height = results.blobs.pixels(file.digest) if file.kind == "image" else (0, 0)
    return ItemFile(
        record.id,
        at,
        file.kind,
        file.digest,
        thumbnail_address(record.id, at, file) is not None,
        width,
        height,
        shared_name(record, at, has_prompt=False),
        record.job.workflow,
        str(record.job.title),
        record.job.written_text,
    )
