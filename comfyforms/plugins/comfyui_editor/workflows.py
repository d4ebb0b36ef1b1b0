"""Workflows on their way between forms and the editor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from comfy.base.files import plain_name
from comfy.base.messages import message
from comfy.graph.convert import convert
from comfy.launch.start import Starter
from comfy.library.private import MARK as OPENED_MARK
from comfyforms.hooks import Access, FormLink, GuardedRoutes
from comfyforms.plugins.comfyui_editor.files import comfyui_errors
from comfyforms.plugins.comfyui_editor.frontend import FrontEnd
from comfyforms.plugins.comfyui_editor.host import PAGE, EditorSite
from ui.library import WorkflowLibrary
from ui.page.form_editor.edit_button import may_edit
from ui.web.access import Owner
from ui.web.limits import BodyLimit
from ui.web.responses import AsciiJSON
from ui.web.shares import Room

_LABEL = message("Open in the editor")
_PLAIN = str | int | float


@dataclass(frozen=True, slots=True)
class WorkflowCalls:
    """Handlers of the calls. A workflow shows everything that its author set, so only users who may
    edit its form open it."""

    site: EditorSite
    library: WorkflowLibrary
    front_end: FrontEnd
    starter: Starter

    routes = GuardedRoutes(errors=comfyui_errors)

    def link(self, owner: str, name: str) -> FormLink | None:
        """Return the link of a form, for users who may open it in the editor."""
        if not (self.site.may_open(owner) and may_edit(self.library, name, owner)):
            return None
        address = f"{PAGE}?workflow={quote(name, safe='')}"
        return FormLink(_LABEL, address) if self.front_end.is_there() else None

    @routes.get("/api/comfyforms/workflow", Access.OWNER)
    def workflow(self, name: str, owner: Owner) -> Response:
        """Return a workflow's file, with its name in a header."""
        forms = self.library.forms
        if not self._may_open(name, owner):
            raise HTTPException(404, "Workflow not found")
        if name.startswith(OPENED_MARK):
            file, content = forms.opened.file(owner, name)
        elif (path := self.library.folder.get(name).path) is not None:
            file, content = path.name, path.read_bytes()
        else:
            raise HTTPException(404, "Workflow not found")
        headers = {"x-file-name": quote(file), "content-disposition": "attachment"}
        return Response(content, 200, headers, "application/octet-stream")

    @routes.post("/api/comfyforms/values", Access.OWNER, body=BodyLimit.WORKFLOW, room=Room.CALLS)
    async def values(self, request: Request, name: str, owner: Owner) -> Response:
        """Return what the form sets with these values, without files and random seeds: the paths of
        nodes, their widgets, and the values."""
        sent = await request.json()
        if not isinstance(sent, dict) or not self._may_open(name, owner):
            raise HTTPException(404, "Workflow not found")
        return await asyncio.to_thread(lambda: AsciiJSON(self._widgets(name, owner, sent)))

    def _may_open(self, name: str, owner: str) -> bool:
        return self.library.forms.knows(name, owner) and may_edit(self.library, name, owner)

    def _widgets(
        self, name: str, owner: str, sent: Mapping[str, object]
    ) -> list[tuple[str, str, object]]:
        plain = {key: one for key, one in sent.items() if isinstance(one, _PLAIN)}
        checked = self.starter.check(name, plain, owner)
        values = {
            target: value
            for field in checked.form.fields
            if not field.is_media and isinstance(value := checked.clean.get(field.key), _PLAIN)
            for target in field.targets
        }
        if checked.workflow.graph is None:
            return [(node, widget, value) for (node, widget), value in values.items()]
        shown = convert(checked.workflow.graph, self.library.forms.catalog.get()).widgets
        found = ((one, next(filter(values.__contains__, one.targets), None)) for one in shown)
        return [(one.node, one.name, values[at]) for one, at in found if at is not None]

    @routes.post("/api/comfyforms/form", Access.SIGNED_IN, body=BodyLimit.WORKFLOW, room=Room.CALLS)
    async def form(self, request: Request, owner: Owner, title: str = "") -> Response:
        """Open a graph as a form for this user, and return the form's address in the app."""
        content, file = await request.body(), f"{plain_name(title[:100]) or 'ComfyUI'}.json"
        opened = await asyncio.to_thread(self.library.forms.open, owner, file, content)
        root = request.state.editor_pass.root
        return AsciiJSON({"url": f"{root}/?workflow={quote(opened.name, safe='')}"})
