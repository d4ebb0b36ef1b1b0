"""What is removed from ComfyUI when a run is deleted here: its entry in the history, and the bytes
of what it was given."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from http import HTTPStatus

from comfy.client.client import Client
from comfy.errors import ComfyError, ServerError
from comfy.records.record import Record
from comfy.runs.input_files import names_on_server
from comfy.runs.interface import RunRegistry
from comfy.servers.pool import ServerPool
from comfy.servers.server import ComfyServer

log = logging.getLogger(__name__)

_SECONDS = 3.0  # for each thing that ComfyUI is asked: somebody waits for the answer


def clean_up(servers: ServerPool, runs: RunRegistry, record: Record) -> bool:
    """Remove from the servers what they have of a run that was deleted here, as far as they can.

    Whether nothing is left there of the files that the run was given. Never raises ComfyError.
    """
    names = names_on_server(record)
    ran_on = servers.at(record.server)
    if ran_on is None:
        return not names  # it is none of ours any more, and is not asked
    emptied = [name for name in names.values() if not _is_needed(name, runs, record.owner)]
    results = {name for key, name in names.items() if record.job.inputs[key].result}
    is_clean = _clean(ran_on, record, emptied, results)
    others = [one for one in servers.servers if one is not ran_on]
    are_clean = [_clean(one, record, emptied, emptied) for one in others]
    left = not is_clean or (record.state.restarted and not all(are_clean))
    return not names or (not left and len(emptied) == len(names))


def _clean(
    server: ComfyServer, record: Record, names: Iterable[str], doubtful: Collection[str]
) -> bool:
    """Make one server forget a run and the content of these files, of which the `doubtful` may not
    be there; False where it does not answer."""
    client = server.client.fork(timeout=_SECONDS)
    try:
        if record.sent:
            client.forget(record.state.prompt_id)
        for name in names:
            if name not in doubtful or _is_there(client, name):
                client.empty(name)
    except ComfyError as problem:
        told = {"run": record.id}
        log.info(
            "Run %s was deleted here, ComfyUI may remember it: %s", record.id, problem, extra=told
        )
        return False
    return True


def _is_there(server: Client, name: str) -> bool:
    """Whether a file of a run was brought to the server. Results that it was given are mostly read
    where they are, and servers that it was never at have none."""
    try:
        return server.size_of(f"{name} [input]") is not None
    except ServerError as problem:
        if problem.status == HTTPStatus.NOT_FOUND:
            return False
        raise


def _is_needed(name: str, runs: RunRegistry, owner: str) -> bool:
    """Whether another run names the same file; those of older versions did when they ran again."""
    return runs.history is not None and runs.history.names(owner, name.rpartition("/")[0])
