"""Actions of administrators on servers and on runs of all users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.messages import message
from comfy.comfyui.protocol.run_state import RunError
from comfy.comfyui.servers.managers import reboot
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.local_comfyui.supervisor import LocalComfyUI
from comfy.runs.interface import Run, RunRegistry
from ui.administration.audit import Actor, AuditLog
from ui.web.identity import Identity

GUEST = message("Guest")
_NOT_OURS = message(
    "ComfyForms can't restart this ComfyUI: it didn't start it, and there is no ComfyUI-Manager."
)
_STOPPED = RunError(message("An administrator stopped this run."))


@dataclass(frozen=True, slots=True)
class ServerActions:
    """Actions on servers; each is logged with the administrator. `local`: see `Services`."""

    pool: ServerPool
    audit: AuditLog
    local: Mapping[str, LocalComfyUI] = field(default_factory=dict)

    def pause(self, actor: Actor, server: ComfyServer) -> None:
        """Send the server no more runs. Its current runs continue."""
        self.pool.drain(server)
        self.audit.note(
            message("{person} paused {server}.", person=actor.name, server=server.label)
        )

    def resume(self, actor: Actor, server: ComfyServer) -> None:
        """Send the server runs again."""
        self.pool.take_back(server)
        self.audit.note(
            message("{person} resumed {server}.", person=actor.name, server=server.label)
        )

    def free(self, actor: Actor, server: ComfyServer) -> None:
        """Free the server's memory. Raises ServerUnreachable or ServerError."""
        server.free()
        names = {"person": actor.name, "server": server.label}
        self.audit.note(message("{person} freed the memory of {server}.", **names))

    def update_list(self, actor: Actor, server: ComfyServer) -> None:
        """Ask the server for its nodes and models now. Raises ServerUnreachable or ServerError."""
        self.pool.update_list(server)

    def restart(self, actor: Actor, server: ComfyServer) -> None:
        """Restart a ComfyUI that the app started, or that has ComfyUI-Manager. Raises ComfyError
        for others."""
        if (local := self.local.get(server.url)) is not None:
            local.restart()
        elif reboot(server):
            self.pool.expire_lists()
        else:
            raise ComfyError(_NOT_OURS)
        names = {"person": actor.name, "server": server.label}
        self.audit.note(message("{person} restarted {server}.", **names))


@dataclass(frozen=True, slots=True)
class RunActions:
    """Stop and move any user's run; each action is logged with the administrator."""

    runs: RunRegistry
    identity: Identity
    audit: AuditLog

    def stop(self, actor: Actor, run_id: str) -> None:
        """Stop a run. Its owner reads who did it. Raises RunNotFound."""
        run = self._run(run_id)
        run.cancel(_STOPPED if run.owner != actor.owner else None)
        sentence = message(
            "{person} stopped a run of {name}.", person=actor.name, name=self._owner(run)
        )
        self.audit.note(sentence)

    def move(self, actor: Actor, run_id: str, *, first: bool) -> None:
        """Move a waiting run before or behind all others. Raises RunNotFound."""
        run = self._run(run_id)
        self.runs.move_to_end(run_id, first=first)
        names = {"person": actor.name, "name": self._owner(run)}
        sentence = (
            message("{person} moved a run of {name} to the front of the queue.", **names)
            if first
            else message("{person} moved a run of {name} to the back of the queue.", **names)
        )
        self.audit.note(sentence)

    def _run(self, run_id: str) -> Run:
        live = (run for run in self.runs.known() if not run.state.phase.finished)
        run = next((run for run in live if run.id == run_id), None)
        if run is None:
            raise RunNotFound
        return run

    def _owner(self, run: Run) -> str:
        return self.identity.name_of(run.owner) or GUEST
