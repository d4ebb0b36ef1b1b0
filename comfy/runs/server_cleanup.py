"""What is removed from ComfyUI when a run is deleted here: its entry in the history, and the bytes
of what it was given."""

from __future__ import annotations

import logging
from http import HTTPStatus

from comfy.client.client import Client
from comfy.errors import ComfyError, ServerError
from comfy.records.record import Record
from comfy.runs.input_files import names_on_server
from comfy.runs.interface import RunRegistry
from comfy.servers.pool import ServerPool

log = logging.getLogger(__name__)

_SECONDS = 3.0  # for each thing that ComfyUI is asked: somebody waits for the answer


def clean_up(servers: ServerPool, runs: RunRegistry, record: Record) -> bool:
    """Remove from the server what it has of a run that was deleted here, as far as it can.

    Whether nothing is left there of the files that the run was given. Never raises ComfyError.
    """
    names = names_on_server(record)
    given = names.values()
    ran_on = servers.at(record.server)
    if ran_on is None:
        return not given  # it is none of ours any more, and is not asked
    try:
        server = ran_on.client.fork(timeout=_SECONDS)
        if record.sent:
            server.forget(record.state.prompt_id)
        emptied = [name for name in given if not _is_needed(name, runs, record.owner)]
        results = {name for key, name in names.items() if record.job.inputs[key].result}
        for name in emptied:
            if name not in results or _is_there(server, name):
                server.empty(name)
    except ComfyError as problem:
        log.info("Run %s was deleted here, ComfyUI may remember it: %s", record.id, problem)
        return not given
    return len(emptied) == len(given)


def _is_there(server: Client, name: str) -> bool:
    """Whether a result that a run was given was brought to the server: most are read there."""
    try:
        return server.size_of(f"{name} [input]") is not None
    except ServerError as problem:
        if problem.status == HTTPStatus.NOT_FOUND:
            return False
        raise


def _is_needed(name: str, runs: RunRegistry, owner: str) -> bool:
    """Whether another run names the same file; those of older versions did when they ran again."""
    return runs.history is not None and runs.history.names(owner, name.rpartition("/")[0])
