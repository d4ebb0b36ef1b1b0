"""`POST /jobs` of Comfy API v2: starts runs of prompts with references to assets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Header, Request, Response
from starlette.exceptions import HTTPException

from comfy.base.errors import WorkflowError
from comfy.library.permissions import Permissions
from comfy.records.database import AtStart
from comfy.runs.interface import Origin, Run
from comfyforms.plugins.comfy_api_v2.assets import Assets
from comfyforms.plugins.comfy_api_v2.errors import Refused, errors_with
from comfyforms.plugins.comfy_api_v2.jobs import Jobs
from comfyforms.plugins.comfy_api_v2.keys import Keys
from ui.api.requests import Requester
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.limits import BodyLimit, WebLimits, read_object
from ui.web.responses import AsciiJSON
from ui.web.shares import Room

_RESERVED = ("webhook_url", "inputs")
_API_KEY = "api_key_comfy_org"
_VALUES = 5  # times the usual number, as for other prompts
# ComfyUI sends no previews otherwise.
_EXTRA_DATA = {"preview_method": "auto"}


@dataclass(frozen=True, slots=True)
class SubmissionHandlers:
    """Handler of the route."""

    jobs: Jobs
    assets: Assets
    keys: Keys
    permissions: Permissions
    limits: WebLimits

    routes = GuardedRoutes(errors=errors_with("queue_full"))

    @routes.post("/api/v2/jobs", Access.SIGNED_IN, body=BodyLimit.CALL, room=Room.CALLS)
    async def submit(
        self, request: Request, owner: Owner, idempotency_key: str = Header("")
    ) -> Response:
        """Start a job."""
        try:  # before the large body is read
            self.permissions.check_open(owner)
        except WorkflowError as problem:
            raise HTTPException(403, str(problem)) from None
        body, requester = await request.body(), Requester.of(owner, request.scope)
        run = await asyncio.to_thread(self._start, body, requester, idempotency_key)
        document = await asyncio.to_thread(self.jobs.document, run.record, request)
        return AsciiJSON(document, 201)

    def _start(self, body: bytes, requester: Requester, key: str) -> Run:
        sent = read_object(body, replace(self.limits, values=_VALUES * self.limits.values))
        if isinstance(sent, str):
            raise Refused(422, "invalid_request", sent)
        started: list[Run] = []

        def begin(at_start: AtStart) -> str:
            workflow = self._workflow(_checked(sent), requester.owner)
            origin = Origin(requester.owner, requester.address, at_start=at_start)
            prompt = {"prompt": workflow, "extra_data": _EXTRA_DATA}
            started.append(self.assets.prompts.start(prompt, origin)[0])
            return started[0].id

        self.keys.once(requester, "job", key, begin)
        return started[0]

    def _workflow(self, workflow: Mapping[str, Any], owner: str) -> Any:  # noqa: ANN401 - JSON
        """Return a workflow with names of files in place of references. Raises Refused."""
        missing: list[str] = []

        def named(reference: Mapping[str, Any]) -> str:
            match reference.get("info"):
                case {"id": str(asset_id), **_more}:
                    name = self.assets.name_of(owner, asset_id)
                case _:
                    asset_id = name = ""
            if not name:
                missing.append(asset_id)
            return name

        replaced = _replaced(workflow, named)
        if missing:
            told = "The workflow refers to assets that don't exist or aren't yours."
            raise Refused(422, "missing_asset", told, missing_ids=missing)
        return replaced


def _checked(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the workflow in a request. Raises Refused."""
    for name in _RESERVED:
        if sent.get(name) is not None:
            raise Refused(422, "invalid_request", f"{name} can't be used yet.")
    if sent.get("metadata"):
        raise Refused(422, "metadata_not_supported", "Jobs have no labels here.")
    match sent.get("extra_data"):
        case None:
            pass
        case dict() as extra if all(
            key == _API_KEY and isinstance(value, str) for key, value in extra.items()
        ):
            pass  # the app uses keys of its own
        case _:
            raise Refused(422, "invalid_request", f"extra_data can only have {_API_KEY}.")
    match sent.get("workflow"):
        case {"nodes": list(), "links": _}:
            told = "This is a workflow of the editor. Use File > Export (API) in ComfyUI."
            raise Refused(422, "workflow_format_ui", told)
        case dict() as workflow:
            return workflow
    raise Refused(422, "invalid_workflow", "The workflow must be an object with nodes by id.")


def _replaced(value: Any, named: Callable[[Mapping[str, Any]], str]) -> Any:  # noqa: ANN401 - JSON
    """Return JSON values with texts in place of references to assets."""
    match value:
        case {"__type": "core/ASSET", **_more}:
            return named(value)
        case dict():
            return {key: _replaced(one, named) for key, one in value.items()}
        case list():
            return [_replaced(one, named) for one in value]
    return value
