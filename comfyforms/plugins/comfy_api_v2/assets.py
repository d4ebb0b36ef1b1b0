"""Assets of Comfy API v2: files that the caller uploaded, and outputs of the caller's runs."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from fastapi import Header, Request, Response
from starlette.datastructures import UploadFile

from comfy.base.errors import RunNotFound
from comfy.base.files import media_type_of
from comfy.launch.sent_prompts import SentPrompts
from comfy.records.database import AtStart
from comfy.records.record import Record
from comfy.runs.interface import RunRegistry
from comfyforms.plugins.comfy_api_v2.documents import Json, Links, Output, moment, outputs_of
from comfyforms.plugins.comfy_api_v2.errors import Refused, errors_with, not_found
from comfyforms.plugins.comfy_api_v2.jobs import links_of
from comfyforms.plugins.comfy_api_v2.keys import Keys
from comfyforms.plugins.comfy_api_v2.store import Asset, AssetStore
from ui.api.requests import Requester
from ui.files.result_files import ResultFiles, sent
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.identity import NOBODY
from ui.web.limits import BodyLimit, WebLimits, off_loop, read_object
from ui.web.responses import AsciiJSON
from ui.web.shares import Room, shared_address
from ui.web.upload_folder import UploadFolder

_HASH = re.compile(r"blake3:([0-9a-fA-F]{64})")
_RUN = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[0-9a-f]{12}")
_INPUT = "input/"
_CHUNK = 1024 * 1024  # bytes
_MOST_FIELDS = 100
Found = tuple[Asset, Path]


def hash_of(content: BinaryIO) -> str:
    """Return the hex BLAKE3 of a file."""
    from blake3 import blake3  # many apps never need it

    content.seek(0)
    hasher = blake3()
    while chunk := content.read(_CHUNK):
        hasher.update(chunk)
    return hasher.hexdigest()


@dataclass(frozen=True, slots=True)
class Assets:
    """Assets of all owners. An uploaded file exists as long as its content stays the same: programs
    may replace it by its name. `lasts`: seconds that a file is kept. All methods block."""

    store: AssetStore
    prompts: SentPrompts
    runs: RunRegistry
    lasts: float

    def uploaded(self, owner: str, asset_id: str) -> Found | None:
        """Return an upload of the owner with its file."""
        asset = self.store.get(owner, asset_id)
        return self._with_file(owner, asset) if asset else None

    def with_hash(self, owner: str, hash_: object) -> Found | None:
        """Return the owner's newest upload with this content. Callers who share an owner have
        none."""
        named = _HASH.fullmatch(hash_) if isinstance(hash_, str) else None
        if named is None or not self.prompts.is_one(owner):
            return None
        assets = self.store.with_hash(owner, named[1].lower())
        return next(filter(None, (self._with_file(owner, one) for one in assets)), None)

    def output(self, owner: str, asset_id: str) -> tuple[Record, Output] | None:
        """Return an output of the owner with its run."""
        named = _RUN.fullmatch(asset_id)
        try:
            record = self.runs.record(named[1], owner) if named else None
        except RunNotFound:
            return None
        found = (one for one in outputs_of(record) if one.id == asset_id) if record else ()
        output = next(iter(found), None)
        return (record, output) if record and output else None

    def name_of(self, owner: str, asset_id: str) -> str:
        """Return an asset's name in the owner's prompts, "" if it isn't one of theirs."""
        if found := self.uploaded(owner, asset_id):
            return found[0].name
        output = self.output(owner, asset_id)
        return output[1].value if output else ""

    def keep(self, owner: str, name: str, content: BinaryIO, hash_: str) -> tuple[Found, bool]:
        """Store a file under a name. Return it, and whether the owner had no such content before.
        Raises Refused, and like `SentPrompts.keep`."""
        known = self.with_hash(owner, f"blake3:{hash_}")
        kept = self.prompts.keep(owner, _placed(name), content)
        file = self.prompts.upload(owner, kept)
        if file is None:  # deleted just now
            raise not_found()
        same = self.store.with_name(owner, kept) if self.prompts.is_one(owner) else []
        asset = next((one for one in same if one.digest == file.digest), None)
        asset = asset or self.store.add(owner, hash_, file.digest, kept)
        return (asset, file.path), known is None

    def remove(self, owner: str, asset: Asset) -> None:
        """Delete an upload, and its file unless another asset is the same file."""
        self.store.remove(asset.id)
        if not self.store.with_name(owner, asset.name):
            self.prompts.remove(owner, asset.name)

    def document(self, found: Found, links: Links, **more: object) -> Json:
        asset, path = found
        status = path.stat()
        until = moment(status.st_mtime + self.lasts)
        return {
            "id": asset.id,
            "hash": f"blake3:{asset.hash}",
            "size_bytes": status.st_size,
            "content_type": media_type_of(asset.name),
            "file_path": asset.name,
            **more,
            "created_at": moment(asset.created_at),
            "url": links.of_content(asset.id),
            "url_expires_at": until,
            "expires_at": until,
        }

    def _with_file(self, owner: str, asset: Asset) -> Found | None:
        try:
            file = self.prompts.upload(owner, asset.name)
        except OSError:  # deleted just now
            return None
        return (asset, file.path) if file and file.digest == asset.digest else None


def _placed(name: str) -> str:
    """Return the name in the folder of inputs. Raises Refused for another place."""
    plain = name.removeprefix(_INPUT)
    if not plain.strip() or "/" in plain or "\\" in plain or plain.endswith("]"):
        told = "file_path must be a file name: models and other folders can't be written."
        raise Refused(422, "invalid_request", told)
    return plain


@dataclass(frozen=True, slots=True)
class AssetHandlers:
    """Handlers of the routes."""

    assets: Assets
    keys: Keys
    uploads: UploadFolder
    results: ResultFiles
    limits: WebLimits
    root_path: str

    routes = GuardedRoutes(errors=errors_with("rate_limited"))

    @routes.post("/api/v2/assets", Access.SIGNED_IN, body=BodyLimit.FILES, room=Room.UPLOADS)
    async def upload(
        self, request: Request, owner: Owner, idempotency_key: str = Header("")
    ) -> Response:
        """Store a file for the caller."""
        if owner != NOBODY:  # others share one name, wherever they are
            self.uploads.came_from(owner, shared_address(owner, request.scope))
        async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
            file, texts = form.get("file"), {key: str(one) for key, one in form.items()}
            if not isinstance(file, UploadFile):
                raise Refused(422, "invalid_request", "The request has no file.")
            requester = Requester.of(owner, request.scope)
            kept: list[tuple[Found, bool]] = []

            def begin(_: AtStart) -> str:
                kept.append(self._kept(owner, file.file, texts))
                return kept[0][0][0].id

            await asyncio.to_thread(self.keys.once, requester, "asset", idempotency_key, begin)
        return await asyncio.to_thread(self._answer, request, *kept[0])

    def _kept(self, owner: str, content: BinaryIO, texts: Json) -> tuple[Found, bool]:
        hash_, expected = hash_of(content), texts.get("expected_hash", "")
        if expected and expected.lower() != f"blake3:{hash_}":
            told = "The bytes don't have the expected hash. Send them again."
            raise Refused(409, "hash_mismatch", told)
        return self.assets.keep(owner, texts.get("file_path", ""), content, hash_)

    def _answer(self, request: Request, found: Found, is_new: bool) -> Response:  # noqa: FBT001
        document = self.assets.document(
            found, links_of(request, self.root_path), created_new=is_new
        )
        return AsciiJSON(document, 201 if is_new else 200)

    @routes.post("/api/v2/assets/from-hash", Access.SIGNED_IN)
    async def from_hash(self, request: Request, owner: Owner) -> Response:
        """Return an asset of the caller with a content that the caller has uploaded before."""
        told = await off_loop(partial(read_object, limits=self.limits), await request.body())
        if isinstance(told, str) or not isinstance(told.get("hash"), str):
            raise Refused(422, "invalid_request", "The request has no hash.")
        return await asyncio.to_thread(self._from_hash, request, owner, told)

    def _from_hash(self, request: Request, owner: str, told: Json) -> Response:
        found = self.assets.with_hash(owner, told["hash"])
        if found is None:
            raise Refused(404, "blob_not_found", "You have no file with this hash.")
        asset, path = found
        name = told.get("file_path") or asset.name
        with path.open("rb") as content:
            found, _ = self.assets.keep(owner, str(name), content, asset.hash)
        return self._answer(request, found, is_new=False)

    @routes.head("/api/v2/assets/by-hash/{hash_}", Access.OWNER)
    def by_hash(self, hash_: str, owner: Owner) -> Response:
        """Tell by the status if the caller has uploaded this content."""
        return Response(status_code=200 if self.assets.with_hash(owner, hash_) else 404)

    @routes.get("/api/v2/assets/{asset_id}", Access.OWNER)
    def get(self, request: Request, asset_id: str, owner: Owner) -> Response:
        """Return an asset."""
        links = links_of(request, self.root_path)
        if found := self.assets.uploaded(owner, asset_id):
            return AsciiJSON(self.assets.document(found, links))
        if not (output := self.assets.output(owner, asset_id)):
            raise not_found()
        record, result = output
        until = self.assets.runs.history.storage.kept_until(record.state.finished_at or time.time())
        told = result.to_json(links, until)
        wanted = ("id", "hash", "size_bytes", "content_type", "url", "url_expires_at", "job_id")
        made = {"file_path": result.name, "created_at": moment(record.submitted_at)}
        return AsciiJSON(
            {**{key: told[key] for key in wanted}, **made, "expires_at": moment(until)}
        )

    @routes.delete("/api/v2/assets/{asset_id}", Access.OWNER, status_code=204)
    def delete(self, asset_id: str, owner: Owner) -> Response:
        """Delete an uploaded file. Outputs stay with their runs."""
        if found := self.assets.uploaded(owner, asset_id):
            self.assets.remove(owner, found[0])
            return Response(status_code=204)
        if self.assets.output(owner, asset_id):
            raise Refused(409, "asset_in_use", "This asset is in use.")
        raise not_found()

    @routes.get("/api/v2/assets/{asset_id}/content", Access.OWNER, audit="file")
    def content(self, request: Request, asset_id: str, owner: Owner) -> Response:
        """Return the bytes, also a range of them."""
        if found := self.assets.uploaded(owner, asset_id):
            answer: Response = sent(found[1], found[0].name)
        elif output := self.assets.output(owner, asset_id):
            record, result = output
            if result.file is None:
                return Response(result.text, media_type=result.media_type)
            ranges = request.headers.get("range")
            answer = self.results.send(record, result.file, result.name, ranges)
        else:
            raise not_found()
        answer.headers["cache-control"] = "private, no-cache"
        return answer
