"""Assets of Comfy API v2: files that the caller uploaded, and outputs of the caller's runs."""

from __future__ import annotations

import asyncio
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO

from cachetools import LRUCache, cached
from fastapi import Depends, Request, Response
from starlette.datastructures import FormData, UploadFile

from comfy.base.errors import RunNotFound
from comfy.launch.sent_prompts import SentPrompts
from comfy.records.record import Record
from comfyforms.plugins.comfy_api_v2.documents import (
    FILES,
    PATH,
    Json,
    Output,
    asset_document,
    output_document,
    outputs_of,
)
from comfyforms.plugins.comfy_api_v2.errors import Refused, errors_with, key_used, not_found
from comfyforms.plugins.comfy_api_v2.jobs import Jobs
from ui.api.requests import KeyedRequest, Requester, Requests, StartOutcome, keyed_request
from ui.api.values import Sent
from ui.files.result_files import ResultFiles, sent
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.identity import NOBODY
from ui.web.limits import BodyLimit, WebLimits, off_loop, read_object
from ui.web.responses import AsciiJSON
from ui.web.shares import Room, Work, shared_address
from ui.web.upload_folder import UploadFolder

_RUN = re.compile(r"([0-9a-f-]{36})-[0-9a-f]{12}")
_INPUT, _HASH = "input/", "blake3:"
_CHUNK = 1024 * 1024  # bytes
_MOST_HASHES, _MOST_FIELDS = 20_000, 100
_MOST_NAMED = 100  # assets per workflow


def hash_of(content: BinaryIO) -> str:
    """Return the BLAKE3 of an open file, as in the API."""
    from blake3 import blake3  # most apps never need it

    hasher = blake3()
    content.seek(0)
    while chunk := content.read(_CHUNK):
        hasher.update(chunk)
    return f"{_HASH}{hasher.hexdigest()}"


def _hash(path: Path, *_: object) -> str:
    with path.open("rb") as content:
        return hash_of(content)


@dataclass(frozen=True, slots=True)
class Upload:
    """File that a user's prompts can name."""

    name: str
    path: Path
    hash: str

    @property
    def id(self) -> str:
        """Return an id that another content or name doesn't have."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.hash} {self.name}"))


@dataclass(frozen=True, slots=True)
class Assets:
    """Assets of all owners. `lasts`: seconds that an upload is kept. Each file is read once for its
    hash. All methods block. Thread-safe."""

    prompts: SentPrompts
    jobs: Jobs
    lasts: float
    _hash: Callable[..., str] = field(
        default_factory=lambda: cached(LRUCache(_MOST_HASHES), lock=threading.Lock())(_hash)
    )

    def uploads(self, owner: str) -> Iterator[Upload]:
        """Yield the owner's uploads."""
        for path in self.prompts.uploads(owner):
            try:
                status = path.stat()
                hash_ = self._hash(path, status.st_mtime_ns, status.st_size)
            except OSError:  # deleted just now
                continue
            yield Upload(path.name, path, hash_)

    def with_id(self, owner: str, asset_id: str) -> Upload | None:
        return next((one for one in self.uploads(owner) if one.id == asset_id), None)

    def with_hash(self, owner: str, hash_: str) -> Upload | None:
        """Return an upload of the owner with this content. Callers who share an owner have none."""
        if not self.prompts.is_one(owner):
            return None
        return next((one for one in self.uploads(owner) if one.hash == hash_.lower()), None)

    def output(self, owner: str, asset_id: str) -> tuple[Record, Output] | None:
        """Return an output of the owner with its run."""
        named = _RUN.fullmatch(asset_id)
        try:
            record = self.jobs.runs.record(named[1], owner) if named else None
        except RunNotFound:
            record = None
        outputs = outputs_of(record) if record else ()
        return next(((record, one) for one in outputs if record and one.id == asset_id), None)

    def names(self, owner: str) -> Callable[[str], str]:
        """Return a function for the names of the owner's assets in a prompt, "" for other ids. It
        reads each asset once, and raises Refused for too many."""
        names, uploads = dict[str, str](), cache(lambda: [*self.uploads(owner)])

        def name(asset_id: str) -> str:
            if asset_id not in names:
                if len(names) == _MOST_NAMED:
                    told = f"A workflow can refer to at most {_MOST_NAMED} assets."
                    raise Refused(422, "invalid_workflow", told)
                found = next((one.name for one in uploads() if one.id == asset_id), "")
                output = None if found else self.output(owner, asset_id)
                names[asset_id] = output[1].value if output else found
            return names[asset_id]

        return name

    def keep(self, owner: str, name: str, content: BinaryIO) -> Upload:
        """Store a file under a name, or find it. Raises Refused, and like `SentPrompts.keep`."""
        plain = name.removeprefix(_INPUT)
        if not plain.strip() or {"/", "\\"} & {*plain} or plain.endswith("]"):
            told = "file_path must be a file name: models and other folders can't be written."
            raise Refused(422, "invalid_request", told)
        kept = self.prompts.keep(owner, plain, content)
        found = next((one for one in self.uploads(owner) if one.name == kept), None)
        if found is None:  # deleted just now
            raise not_found()
        return found

    def document(self, upload: Upload, request: Request, owner: str) -> Json:
        status = upload.path.stat()
        at, until = status.st_mtime, status.st_mtime + self.lasts
        links, size = self.jobs.links(request, owner), status.st_size
        told = asset_document(upload.id, upload.name, size, at, until, links)
        return told | {"hash": upload.hash}


@dataclass(frozen=True, slots=True)
class AssetHandlers:
    """Handlers of the routes. `is_removed`: tells owners whose account is gone."""

    assets: Assets
    requests: Requests
    files: UploadFolder
    results: ResultFiles
    limits: WebLimits
    is_removed: Callable[[str], bool]

    routes = GuardedRoutes(errors=errors_with("rate_limited"))

    @routes.post(f"{PATH}/assets", Access.SIGNED_IN, body=BodyLimit.FILES, room=Room.UPLOADS)
    async def upload(
        self, request: Request, owner: Owner, keyed: KeyedRequest = Depends(keyed_request)
    ) -> Response:
        """Store a file for the caller."""
        if owner != NOBODY:  # others share one name, wherever they are
            self.files.came_from(owner, shared_address(owner, request.scope))
        async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
            return await asyncio.to_thread(self._kept, form, keyed)

    def _kept(self, form: FormData, keyed: KeyedRequest) -> Response:
        file, expected = form.get("file"), str(form.get("expected_hash") or "").lower()
        if not isinstance(file, UploadFile):
            raise Refused(422, "invalid_request", "The request has no file.")
        content, kept = file.file, list[Upload]()
        known = self.assets.with_hash(keyed.owner, hash_ := hash_of(content))
        if expected not in ("", hash_):
            told = "The bytes don't have the expected hash. Send them again."
            raise Refused(409, "hash_mismatch", told)

        def begin(_: Sent, who: Requester) -> StartOutcome:
            kept.append(self.assets.keep(who.owner, str(form.get("file_path") or ""), content))
            return StartOutcome((kept[0].id,))

        outcome = self.requests.once(keyed, ("asset", PATH), Sent({}), begin)
        if not kept:
            raise key_used(*outcome.ids)
        document = self.assets.document(kept[0], keyed.request, keyed.owner)
        return AsciiJSON(document | {"created_new": not known}, 200 if known else 201)

    @routes.post(f"{PATH}/assets/from-hash", Access.SIGNED_IN)
    async def from_hash(self, request: Request, owner: Owner) -> Response:
        """Return an asset of the caller with a content that the caller has uploaded before."""
        told = await off_loop(partial(read_object, limits=self.limits), await request.body())
        if isinstance(told, str) or not isinstance(told.get("hash"), str):
            raise Refused(422, "invalid_request", "The request has no hash.")
        return await asyncio.to_thread(self._named, request, owner, told)

    def _named(self, request: Request, owner: str, told: Json) -> Response:
        known = self.assets.with_hash(owner, told["hash"])
        if known is None:
            raise Refused(404, "blob_not_found", "You have no file with this hash.")
        with known.path.open("rb") as content:
            kept = self.assets.keep(owner, str(told.get("file_path") or known.name), content)
        return AsciiJSON(self.assets.document(kept, request, owner) | {"created_new": False})

    @routes.head(f"{PATH}/assets/by-hash/{{hash_}}", Access.OWNER)
    def by_hash(self, hash_: str, owner: Owner) -> Response:
        """Tell by the status if the caller has uploaded this content."""
        return Response(status_code=200 if self.assets.with_hash(owner, hash_) else 404)

    @routes.get(f"{PATH}/assets/{{asset_id}}", Access.OWNER)
    def get(self, request: Request, asset_id: str, owner: Owner) -> Response:
        """Return an asset."""
        if upload := self.assets.with_id(owner, asset_id):
            return AsciiJSON(self.assets.document(upload, request, owner))
        record, output = self._output(owner, asset_id)
        links, until = self.assets.jobs.links(request, owner), self.assets.jobs.until(record)
        return AsciiJSON(output_document(output, record, links, until))

    @routes.delete(f"{PATH}/assets/{{asset_id}}", Access.OWNER, status_code=204)
    def delete(self, asset_id: str, owner: Owner) -> Response:
        """Delete an uploaded file. Outputs stay with their runs."""
        if upload := self.assets.with_id(owner, asset_id):
            self.assets.prompts.remove(owner, upload.name)
            return Response(status_code=204)
        self._output(owner, asset_id)
        raise Refused(409, "asset_in_use", "This asset is in use.")

    @routes.get(f"{PATH}/assets/{{asset_id}}/content", Access.OWNER, audit="file")
    def content(self, request: Request, asset_id: str, owner: Owner) -> Response:
        """Return the bytes, also a range of them."""
        return self._content(request, asset_id, owner)

    @routes.get(f"{FILES}/{{sealed}}", Access.PUBLIC, work=Work.PROCESSOR)
    def file(self, request: Request, sealed: str) -> Response:
        """Return the bytes of the asset that a URL in an answer names, to anyone who has it."""
        owner, asset_id = self.assets.jobs.files.opened(sealed) or ("", "")
        if self.is_removed(owner):
            raise not_found()
        return self._content(request, asset_id, owner)

    def _content(self, request: Request, asset_id: str, owner: str) -> Response:
        if upload := self.assets.with_id(owner, asset_id):
            return sent(upload.path, upload.name)
        record, output = self._output(owner, asset_id)
        if output.file is None:
            return Response(output.content, media_type="text/plain")
        ranges = request.headers.get("range")
        return self.results.send(record, output.file, output.name, ranges)

    def _output(self, owner: str, asset_id: str) -> tuple[Record, Output]:
        if found := self.assets.output(owner, asset_id):
            return found
        raise not_found()
