"""Missing models of workflows: the list, users' requests, and administrators' downloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from comfy.base.errors import ComfyError
from comfy.base.messages import listed, message
from comfy.comfyui.servers.server import ComfyServer
from comfy.downloads import DownloadError, ModelDownloads
from comfy.model_files.lists import ModelFiles
from comfy.records.administration import ModelRequest, ModelRequestStore
from comfy.requirements.model import ModelFile
from comfy.requirements.readiness import judge
from comfy.templates.offered import KnownParts
from comfyforms.comfyui_node.downloads.queue import Change
from ui.administration.audit_log import Actor, AuditLog
from ui.library import WorkflowLibrary

_MOST_NAMED = 5  # files of one action
_TEMPLATES_SECONDS = 3.0  # to look for addresses in templates that aren't judged yet


@dataclass(frozen=True, slots=True)
class ModelActions:
    """Actions on missing models; an administrator's action is logged. `requests`: None without a
    database. All methods raise ComfyError."""

    library: WorkflowLibrary
    downloads: ModelDownloads
    requests: ModelRequestStore
    audit: AuditLog
    known_parts: KnownParts
    files: ModelFiles

    def missing(self, workflow: str, owner: str) -> tuple[ModelFile, ...]:
        """Return the model files of a workflow that no server has. () for a chain."""
        if self.library.is_chain(workflow, owner):
            return ()
        adapted, catalog = self.library.forms.adapted(workflow, owner)
        files = judge(adapted.prompt, catalog, models=adapted.models).models
        return self.known_parts.models(files, _TEMPLATES_SECONDS)

    def get(
        self, actor: Actor, server: ComfyServer, workflow: str, names: Sequence[str] | None
    ) -> None:
        """Start the downloads of a workflow's missing files: of those with these names, or of all
        that can be downloaded."""
        missing = self.missing(workflow, actor.owner)
        self._start(actor, server, [one for one in missing if names is None or one.name in names])

    def get_requested(self, actor: Actor, server: ComfyServer, request: str) -> None:
        """Start the downloads of a request's files, and close the request."""
        self._start(actor, server, self.request(request).files)
        self.close(request)

    def change(self, actor: Actor, server: ComfyServer, key: str, change: Change) -> None:
        names = {"person": actor.name, "name": self._name(server, key), "server": server.label}
        self.downloads.change(server, key, change)
        match change:
            case "pause":
                note = message("{person} paused the download of {name} to {server}.", **names)
            case "resume":
                note = message("{person} resumed the download of {name} to {server}.", **names)
            case "remove":
                note = message("{person} canceled the download of {name} to {server}.", **names)
        self.audit.note(actor, note)

    def ask(self, owner: str, person: str, workflow: str, address: str) -> None:
        """Record a user's request for a workflow's missing models and nodes. `address`:
        see `RunRegistry.submit`."""
        files = self.missing(workflow, owner)
        if not self.lacks(workflow, owner, files):
            raise ComfyError(message("There is nothing to ask for."))
        title = self.library.form(workflow, owner).title
        self.requests.add(owner, person, workflow, str(title), files, address)

    def lacks(self, workflow: str, owner: str, files: Sequence[ModelFile]) -> bool:
        """Return whether an administrator could add something to a workflow that lacks these
        files."""
        return bool(files) or not self.library.form(workflow, owner).can_run

    def asked(self, owner: str, workflow: str) -> bool:
        """Return whether this user has already asked."""
        return self.requests.has(owner, workflow)

    def open_requests(self) -> tuple[ModelRequest, ...]:
        """Return all open requests, oldest first."""
        return self.requests.all()

    def request(self, key: str) -> ModelRequest:
        found = next((one for one in self.open_requests() if one.id == key), None)
        if found is None:
            raise DownloadError(message("This request is closed."))
        return found

    def close(self, key: str) -> None:
        if not self.requests.remove(key):
            raise DownloadError(message("This request is closed."))

    def close_all(self) -> None:
        self.requests.remove_all()

    def _start(self, actor: Actor, server: ComfyServer, wanted: Sequence[ModelFile]) -> None:
        files = [one for one in wanted if not self.downloads.why_not(one)]
        if not files:
            reasons = dict.fromkeys(map(self.downloads.why_not, wanted))
            raise DownloadError(next(iter(reasons), message("No model is missing.")))
        self.downloads.start(server, files)
        names = [one.name for one in files]
        shown = [*names[:_MOST_NAMED], *(["…"] if len(names) > _MOST_NAMED else [])]
        self.audit.note(
            actor,
            message(
                "{person} started the download of {names} to {server}.",
                person=actor.name,
                names=listed(shown),
                server=server.label,
            ),
        )

    def _name(self, server: ComfyServer, key: str) -> str:
        lists = self.downloads.lists()
        found = (one for at in lists if at.server is server for one in at.downloads)
        return next((one.name for one in found if one.id == key), "?")
