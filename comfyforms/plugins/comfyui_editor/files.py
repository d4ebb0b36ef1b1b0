"""ComfyUI's calls for users' own files and settings. Sources of the facts: ComfyUI's
`app/user_manager.py` and `app/app_settings.py`."""

from __future__ import annotations

import asyncio
import mimetypes
from dataclasses import dataclass

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from comfy.base.errors import ComfyError
from comfyforms.hooks import Access, GuardedRoutes
from comfyforms.plugins.comfyui_editor.store import EditorFull, UserFile, UserFiles, plain_path
from ui.web.access import Owner
from ui.web.limits import BodyLimit
from ui.web.responses import AsciiJSON
from ui.web.shares import Room

# Without it the front end opens with a list of templates, which covers the workflow.
_FIRST = {"Comfy.TutorialCompleted": True}
_MOVE = "/move/"
_STYLE = "user.css"


def comfyui_errors(error: ComfyError | HTTPException) -> Response:
    status = 413 if isinstance(error, EditorFull) else 400
    if isinstance(error, HTTPException):
        return AsciiJSON({"error": error.detail}, error.status_code, error.headers)
    return AsciiJSON({"error": f"{error} {error.hint}"}, status)


@dataclass(frozen=True, slots=True)
class UserFileCalls:
    """Handlers of the calls: each user has files of their own."""

    files: UserFiles

    routes = GuardedRoutes(errors=comfyui_errors)

    @routes.get("/api/users", Access.SIGNED_IN)
    async def users(self) -> Response:
        """Tell the front end that the server stores files, of one user."""
        return AsciiJSON({"storage": "server", "migrated": True})

    @routes.get("/api/settings", Access.SIGNED_IN)
    def settings(self, owner: Owner) -> Response:
        return AsciiJSON({**_FIRST, **self.files.settings(owner)})

    @routes.get("/api/settings/{name}", Access.SIGNED_IN)
    def setting(self, name: str, owner: Owner) -> Response:
        return AsciiJSON({**_FIRST, **self.files.settings(owner)}.get(name))

    @routes.post("/api/settings", Access.SIGNED_IN)
    async def change_settings(self, request: Request, owner: Owner) -> Response:
        values = await request.json()
        if not isinstance(values, dict):
            raise HTTPException(400, "Settings are an object.")
        await asyncio.to_thread(self.files.change_settings, owner, values)
        return Response()

    @routes.post("/api/settings/{name}", Access.SIGNED_IN)
    async def change_setting(self, name: str, request: Request, owner: Owner) -> Response:
        values = {name: await request.json()}
        await asyncio.to_thread(self.files.change_settings, owner, values)
        return Response()

    @routes.get("/api/userdata", Access.SIGNED_IN)
    def listed(
        self,
        owner: Owner,
        dir: str = "",
        recurse: str = "",
        full_info: str = "",
        split: str = "",
    ) -> Response:
        """Return the files in a folder."""
        folder = _plain(dir)
        files = [
            (file, file.path.removeprefix(f"{folder}/")) for file in self.files.below(owner, folder)
        ]
        if recurse != "true":
            files = [(file, path) for file, path in files if "/" not in path]
        if full_info == "true":
            return AsciiJSON([_facts(file, path) for file, path in files])
        if split == "true":
            return AsciiJSON([[path, *path.split("/")] for _, path in files])
        return AsciiJSON([path for _, path in files])

    @routes.get("/user.css", Access.SIGNED_IN)
    def style(self, owner: Owner) -> Response:
        return self.read(_STYLE, owner)

    @routes.get("/api/userdata/{file:path}", Access.SIGNED_IN)
    def read(self, file: str, owner: Owner) -> Response:
        """Return a file. Other types than JSON and the user's style sheet are downloads."""
        path = _plain(file)
        content = self.files.read(owner, path)
        if content is None and path == _STYLE:  # the front end's page links to it
            content = b""
        if content is None:
            raise HTTPException(404, "File not found")
        kind = mimetypes.guess_type(path)[0] if path.endswith((".json", _STYLE)) else None
        headers = {"content-disposition": "inline" if path == _STYLE else "attachment"}
        return Response(content, 200, headers, kind or "application/octet-stream")

    @routes.post(
        "/api/userdata/{file:path}", Access.SIGNED_IN, body=BodyLimit.WORKFLOW, room=Room.CALLS
    )
    async def write(
        self, file: str, request: Request, owner: Owner, overwrite: str = "", full_info: str = ""
    ) -> Response:
        """Store a file, or rename it for `FILE/move/NAME`."""
        content, keep = await request.body(), overwrite == "false"
        source, move, name = file.rpartition(_MOVE)
        # The slashes within a name arrive decoded. A file has no files below it.
        if move and await asyncio.to_thread(self.files.read, owner, _plain(source)) is not None:
            done = await asyncio.to_thread(
                self.files.move, owner, _plain(source), _plain(name), overwrite=not keep
            )
        elif move and not content:
            raise HTTPException(404, "File not found")
        else:
            done = await asyncio.to_thread(
                self.files.write, owner, _plain(file), content, overwrite=not keep
            )
        if done is None:
            raise HTTPException(409, "File already exists")
        return AsciiJSON(_facts(done, done.path) if full_info == "true" else done.path)

    @routes.delete("/api/userdata/{file:path}", Access.SIGNED_IN)
    def delete(self, file: str, owner: Owner) -> Response:
        if not self.files.delete(owner, _plain(file)):
            raise HTTPException(404, "File not found")
        return Response(status_code=204)


def _plain(path: str) -> str:
    """Return the path. Raises HTTPException for one that leaves the user's folder."""
    plain = plain_path(path)
    if plain is None:
        raise HTTPException(400, "Invalid path")
    return plain


def _facts(file: UserFile, path: str) -> dict[str, object]:
    """Return ComfyUI's facts, with times in milliseconds."""
    times = {"created": int(1000 * file.created_at), "modified": int(1000 * file.modified_at)}
    return {"path": path, "size": file.size, **times}
