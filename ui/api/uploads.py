"""Files that are sent before the runs that need them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fastapi import Depends

from ui.api.bodies import FILES_BODY
from ui.api.requests import REPLAYED, KeyedRequest, Requests, StartOutcome, answer_of, keyed_request
from ui.api.values import Sent
from ui.web.access import Access, GuardedRoutes
from ui.web.limits import BodyLimit
from ui.web.responses import AsciiJSON
from ui.web.shares import Room
from ui.web.upload_folder import UploadFolder


@dataclass(frozen=True, slots=True)
class UploadDoc:
    """A stored file. `id` is a value for fields that take files."""

    id: str
    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class UploadDocs:
    """The files of one request."""

    uploads: tuple[UploadDoc, ...]


def uploads_api(requests: Requests) -> GuardedRoutes:
    """Return `POST /uploads`."""
    routes = GuardedRoutes(tags=["Files"])

    @routes.post(
        "/uploads",
        Access.SIGNED_IN,
        body=BodyLimit.FILES,
        room=Room.CALLS,
        status_code=201,
        response_model=UploadDocs,
        responses={200: REPLAYED | {"model": UploadDocs}},
        openapi_extra=FILES_BODY,
    )
    async def upload_files(keyed: KeyedRequest = Depends(keyed_request)) -> AsciiJSON:
        """Store files for a day.

        The `id` of each file is a value for fields that take files. The same files with the same
        `Idempotency-Key` are stored once.
        """
        sent = await requests.bodies.keep(keyed.request, keyed.owner)
        outcome, files = await asyncio.to_thread(_kept_once, requests, keyed, sent)
        return answer_of(outcome, UploadDocs(tuple(files)))

    return routes


def _kept_once(
    requests: Requests, keyed: KeyedRequest, sent: Sent
) -> tuple[StartOutcome, list[UploadDoc]]:
    """Return the files that were just stored, or the files that the same request stored before, if
    they still exist. Raises like `Requests.once`."""
    owner, uploads = keyed.owner, requests.bodies.uploads
    new = StartOutcome(tuple(sent.body["values"].values()))
    try:
        outcome = requests.once(keyed, ("uploads", ""), sent, lambda *_: new)
    except BaseException:
        _remove(uploads, owner, new)
        raise
    if not outcome.again:
        return new, _told(uploads, owner, new)
    if len(files := _told(uploads, owner, outcome)) == len(outcome.ids):
        _remove(uploads, owner, new)
        return outcome, files
    return new, _told(uploads, owner, new)


def _told(uploads: UploadFolder, owner: str, begun: StartOutcome) -> list[UploadDoc]:
    """Return the ids, names and sizes of the existing files."""
    files = {place: uploads.find(owner, place) for place in begun.ids}
    return [
        UploadDoc(place, file.name, file.stat().st_size)
        for place, file in files.items()
        if file is not None
    ]


def _remove(uploads: UploadFolder, owner: str, begun: StartOutcome) -> None:
    for file_id in begun.ids:
        uploads.remove(owner, file_id.partition("/")[0])
