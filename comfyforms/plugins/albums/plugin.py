"""Albums that people look at together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from comfyforms.hooks import AppParts, Assets, PluginApp, hookimpl

if TYPE_CHECKING:
    from comfyforms.hooks import PartTables, PluginLink


@hookimpl
def assets() -> list[Assets]:
    return [Assets("albums", Path(__file__).parent, _documents)]


def _documents() -> Iterable[type]:
    from comfyforms.plugins.albums.documents import DOCUMENTS

    return DOCUMENTS


@hookimpl
def tables() -> list[PartTables]:
    """Keep albums in the history's database."""
    from comfyforms.hooks import PartTables
    from comfyforms.plugins.albums.store import renew_albums_of, renew_numbers
    from comfyforms.plugins.albums.tables import SCHEMA

    return [PartTables(SCHEMA, renew_albums_of, renew_numbers)]


@hookimpl
def app_parts(app: PluginApp) -> AppParts:
    """Add the routes of albums, their page, and sharing in them."""
    from comfy.base.messages import message
    from comfy.records.tables import digest
    from comfyforms.hooks import LinkEnding, PluginLink, PluginLinks, PluginPage, SharingAction
    from comfyforms.plugins.albums.page import PATH, TITLE, page_routes
    from comfyforms.plugins.albums.routes import albums_api
    from comfyforms.plugins.albums.store import AlbumStore
    from comfyforms.plugins.albums.summaries import Summaries
    from ui.languages.current import translated

    history = app.services.runs.history
    store, summaries = AlbumStore(history.engine, history.grew), Summaries(history.engine)

    def links() -> Iterator[PluginLink]:
        found = store.all_links()
        counts = store.counts({album.id for _, album in found})
        for link, album in found:
            end = partial(store.end_link, album.id)
            is_open = album.access != "private"  # to administrators
            facts = (
                album.title if is_open else message("Private album"),
                message("Reviews and comments") if link.comments else "",
                message("Prompts and settings") if link.settings else "",
            )
            about = " · ".join(map(translated, filter(None, facts)))
            address = f"{PATH[1:]}/{album.id}" if is_open else ""
            values = link.expires_at, end, about, address, counts[album.id].items
            yield PluginLink(link.token, album.by, *values)

    def public_albums() -> Iterator[PluginLink]:
        found = store.public_albums()
        counts = store.counts({one.id for one in found})
        for one in found:
            end, address = partial(store.end_public_access, one.id), f"{PATH[1:]}/{one.id}"
            yield PluginLink(one.id, one.by, None, end, one.title, address, counts[one.id].keep)

    end_public_access = LinkEnding(
        message("End public access…"),
        message("End public access to this album of {name}?"),
        message("End public access"),
        message("The album stays shared with everyone signed in."),
        message("{person} ended public access to an album of {name}."),
    )
    return AppParts(
        [page_routes(app, store)],
        api=[albums_api(app, history, store)],
        pages=[PluginPage(TITLE, PATH, count=lambda who: summaries.waiting_for(digest(who)))],
        sharing=[
            SharingAction(
                message("In an album"),
                "parts/albums/share.js",
                message("Share or add to album…"),
            )
        ],
        links=[
            PluginLinks("album", message("Album, for guests"), links),
            PluginLinks(
                "public_album", message("Public album"), public_albums, ending=end_public_access
            ),
        ],
    )
