"""Results behind links, for users who have the link and may use the app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fastapi import HTTPException, Request
from fastapi.responses import Response
from zipstream import ZIP_STORED, ZipStream

from comfy.base.errors import RunNotFound
from comfy.base.messages import message
from comfy.comfyui.client.view import ServerFiles
from comfy.records.blobs import BlobStore
from comfy.records.sharing import FoundFile
from comfy.runs.interface import RunRegistry
from ui.documents.result_names import shared_name
from ui.files.result_files import ResultFiles, zip_download
from ui.web.access import Access, GuardedRoutes
from ui.web.shares import Work

NO_PROMPT_NO_FILE = message("This kind of file can't be shared without its prompt.")
_NOT_KEPT = {"cache-control": "private, no-store"}  # a revoked link shows nothing


def shared_result_routes(runs: RunRegistry, blobs: BlobStore, server: ServerFiles) -> GuardedRoutes:
    """Return `GET /shared/{token}/{n}/{name}`, which serves a file of a link, and
    `/shared/{token}/all.zip`."""
    routes = GuardedRoutes()
    results = ResultFiles(runs, blobs, server)

    def found(token: str) -> Sequence[FoundFile]:
        files = runs.history.shared.find(token) if runs.history is not None else ()
        if not files:
            raise RunNotFound
        return files

    @routes.get("/shared/{token}/all.zip", Access.FILE, work=Work.PROCESSOR)
    def everything(token: str) -> Response:
        """Send all files of the link. Their contents and names follow the same rules as single
        ones."""
        files = found(token)
        titles = {one.record.job.title for one in files}
        answer = zip_download(_archive(files), titles.pop() if len(titles) == 1 else "ComfyForms")
        answer.headers.update(_NOT_KEPT)
        return answer

    def _archive(files: Sequence[FoundFile]) -> Iterator[bytes]:
        bundle = ZipStream(compress_type=ZIP_STORED)
        for number, one in enumerate(files, 1):
            name = f"{number:03}-{shared_file_name(one)}"
            if one.file.prompt:
                yield from results.pack(bundle, one.record, one.file.place, name)
            else:
                yield from results.pack_stripped(bundle, one.record, one.file.place, name)
        if bundle.num_streamed():
            yield from bundle.finalize()

    @routes.get("/shared/{token}/{n}/{name}", Access.FILE)
    def file(token: str, n: int, name: str, request: Request) -> Response:
        """Send the file. If the link hides the prompt, the file's metadata is removed, and its name
        has no words of the prompt."""
        one = next((one for one in found(token) if one.n == n), None)
        if one is None:
            raise RunNotFound
        shown, own_name = one.record.state.files[one.file.place], shared_file_name(one)
        answer: Response | None
        if one.file.prompt:
            answer = results.send(one.record, shown, own_name, request.headers.get("range"))
        else:
            answer = results.send_stripped(shown, own_name, request.headers)
        if answer is None:
            raise HTTPException(409, NO_PROMPT_NO_FILE)
        answer.headers.update(_NOT_KEPT)
        return answer

    return routes


def shared_file_name(one: FoundFile) -> str:
    """Return the name under which visitors save a file."""
    return shared_name(one.record, one.file.place, has_prompt=bool(one.file.prompt))
