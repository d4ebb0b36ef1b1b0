"""Remove a deleted run from ComfyUI: its history entry, and the content of its input files."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from http import HTTPStatus

from comfy.base.errors import ComfyError, ServerError
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.record import Record
from comfy.runs.input_files import names_on_server
from comfy.runs.interface import RunRegistry

log = logging.getLogger(__name__)

_SECONDS = 3.0  # per request to ComfyUI, because the user waits for the answer


def clean_up(servers: ServerPool, runs: RunRegistry, record: Record) -> bool:
    """Remove a deleted run's data from the servers, as far as possible.

    Returns whether all of the run's input files are gone from them. Never raises ComfyError.
    """
    names = names_on_server(record)
    ran_on = servers.at(record.server)
    if ran_on is None:
        return not names  # no longer our server, so don't contact it
    emptied = [name for name in names.values() if not _is_needed(name, runs, record.owner)]
    results = {name for key, name in names.items() if record.job.inputs[key].result}
    # If several runs share a file, another one may have uploaded it to any server.
    shared = any(record.job.inputs[key].folder for key in names)
    is_clean = _clean(ran_on, runs, record, emptied, results)
    others = [one for one in servers.servers if one is not ran_on]
    are_clean = [_clean(one, runs, record, emptied, emptied) for one in others]
    left = not is_clean or ((record.state.restarted or shared) and not all(are_clean))
    return not names or (not left and len(emptied) == len(names))


def _clean(
    server: ComfyServer,
    runs: RunRegistry,
    record: Record,
    names: Iterable[str],
    perhaps_gone: Collection[str],
) -> bool:
    """Delete a run's history entry and overwrite these files on one server. Files in `perhaps_gone`
    may be missing there. Return False if the server doesn't answer, or if a new run uses one of the
    files."""
    client = server.client.fork(timeout=_SECONDS)
    is_clean = True
    try:
        if record.sent:
            client.forget(record.state.prompt_id)
        for name in names:
            with server.uploading(_folder_of(name)):
                if _is_live(name, runs, record.owner):
                    is_clean = False
                elif name not in perhaps_gone or _is_there(client, name):
                    client.empty(name)
    except ComfyError as problem:
        extra = {"run": record.id}
        log.info(
            "Run %s was deleted here, but ComfyUI may still have it: %s",
            record.id,
            problem,
            extra=extra,
        )
        return False
    return is_clean


def _is_there(server: Client, name: str) -> bool:
    """Return whether a run's file was uploaded to the server. Results are mostly read in place, and
    servers that didn't run it have no file."""
    try:
        return server.size_of(f"{name} [input]") is not None
    except ServerError as problem:
        if problem.status == HTTPStatus.NOT_FOUND:
            return False
        raise


def _is_needed(name: str, runs: RunRegistry, owner: str) -> bool:
    """Return whether another run uses the same file, such as one of the same batch or chain."""
    if _is_live(name, runs, owner):
        return True
    return runs.history is not None and runs.history.names(owner, _folder_of(name))


def _is_live(name: str, runs: RunRegistry, owner: str) -> bool:
    """Return whether an active run shares this file."""
    folder, going = _folder_of(name), runs.line_of(owner)
    return any(kept.folder == folder for run in going for kept in run.job.inputs.values())


def _folder_of(name: str) -> str:
    return name.rpartition("/")[0]
