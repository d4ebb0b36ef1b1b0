"""Input files of runs: their upload to the server, and their names there.

A `Job` is independent of servers. Its files stay here until the run's turn; then each is uploaded
into an unguessable folder, and the prompt uses the names that the server returns. The runs of a
batch or a chain share their folders, so a file is uploaded once per server.

Remove a deleted run from ComfyUI: its history entry, and the content of its input files.
"""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from comfy.base.errors import (
    FILE_REFUSED,
    ComfyError,
    NodeError,
    PromptRejected,
    ServerError,
    UploadRejected,
)
from comfy.base.files import plain_name
from comfy.base.messages import labeled, message, sentences
from comfy.comfyui.client.client import Client
from comfy.comfyui.client.http_errors import upload_too_large
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.media.checks import MIB
from comfy.prompt.model import InputRef, Prompt
from comfy.records.blobs import BlobStore
from comfy.records.record import Job, KeptInput, Record, ServerFile
from comfy.runs.interface import RunRegistry

# ComfyUI folders that an input can name in addition to its own, and the nodes that read there.
# Nodes of packs differ (docs/comfyui.md#22).
_NAMED_FOLDERS = frozenset({"output", "temp"})
_READ_RESULTS = frozenset({"LoadImage", "LoadImageMask", "LoadAudio", "LoadVideo"})
# A request may have 100 MB (docs/comfyui.md#23), and base64 text is a third longer.
_MOST_AS_TEXT = 64 * MIB
_LOOK_SECONDS = 0.1  # seconds between checks if a run that waits for another's upload must stop
UPLOADS = "comfyforms"  # folder for users' files in the server's input folder
log = logging.getLogger(__name__)
_SECONDS = 3.0  # per request to ComfyUI, because the user waits for the answer


def bound_prompt(
    job: Job,
    run_id: str,
    client: Client,
    files: BlobStore,
    check: Callable[[], None],
    uploading: Callable[[str], threading.Lock],
) -> Prompt:
    """Upload the files of a job; return its prompt with their names on this server.

    `check` is called before each chunk of a file and raises if the run must stop. `uploading` is
    `ComfyServer.uploading`. Raises PromptRejected, which names the file, if it no longer exists
    here or the server refuses it. Raises ServerUnreachable or ServerError if a retry may succeed.
    """
    prompt = job.prompt
    for key, kept in job.inputs.items():
        if not kept.targets:
            continue
        if kept.as_base64:
            prompt = with_names(prompt, kept.targets, _text_of(kept, prompt, files))
            continue
        try:
            name = _name_of_result(client, files, kept, prompt)
            if not name and kept.folder:
                with _turn(uploading(kept.folder), check):
                    name = _bring_once(client, files, kept, check)
            name = name or _upload(client, files, kept, _folder(run_id, key), check)
        except UploadRejected as error:
            raise _refused(kept, prompt, error) from error
        prompt = with_names(prompt, kept.targets, name)
    return prompt


def _text_of(kept: KeptInput, prompt: Prompt, files: BlobStore) -> str:
    """Return the file's content as base64 text, without a `data:` prefix."""
    path = files.path(kept.digest)
    try:
        content = path.read_bytes() if path is not None else None
    except OSError:  # just deleted
        content = None
    if content is None:
        raise _refused(kept, prompt, _gone())
    if len(content) > _MOST_AS_TEXT:
        raise _refused(kept, prompt, upload_too_large(len(content), _MOST_AS_TEXT))
    return base64.b64encode(content).decode("ascii")


def with_names(prompt: Prompt, targets: Iterable[InputRef], name: str) -> Prompt:
    """Return the prompt with this name at these (node id, input name), skipping missing nodes."""
    changed = dict(prompt)
    for node_id, input_name in targets:
        if (node := changed.get(node_id)) is not None:
            changed[node_id] = node | {"inputs": {**node.get("inputs", {}), input_name: name}}
    return changed


def server_file(server: str, file: OutputFile) -> ServerFile | None:
    """Return the name by which an input on the server at this address can read a result; None if it
    can't (docs/comfyui.md#22)."""
    if not server or file.type not in _NAMED_FOLDERS:
        return None
    folder = f"{file.subfolder}/" if file.subfolder else ""
    return ServerFile(server, f"{folder}{file.filename} [{file.type}]")


def _name_of_result(client: Client, files: BlobStore, kept: KeptInput, prompt: Prompt) -> str:
    """Return the file's name on the server that made it, if this is that server, it still has the
    file, and every node that gets the name can read it there; otherwise ""."""
    result = kept.result
    if result is None or result.server != client.address.url:
        return ""
    classes = {prompt[node_id]["class_type"] for node_id, _ in kept.targets if node_id in prompt}
    if not classes <= _READ_RESULTS:
        return ""
    try:
        size = client.size_of(result.value)
    except ServerError:
        return ""
    return result.value if size == files.size(kept.digest) else ""


def _bring_once(
    client: Client, files: BlobStore, kept: KeptInput, check: Callable[[], None]
) -> str:
    """Return the server's name of a file shared by several runs, uploading it if needed. If the
    server's copy has another size, it was emptied after an earlier run, or is incomplete."""
    name = f"{kept.folder}/{plain_name(kept.name)}"
    try:
        size = client.size_of(f"{name} [input]")
    except ServerError:
        size = None
    if size is not None and size == files.size(kept.digest):
        return name
    return _upload(client, files, kept, kept.folder, check, overwrite=size is not None)


@contextmanager
def _turn(lock: threading.Lock, check: Callable[[], None]) -> Iterator[None]:
    """Hold the lock. While another run has it, `check` is called and its exceptions propagate."""
    while not lock.acquire(timeout=_LOOK_SECONDS):
        check()
    try:
        yield
    finally:
        lock.release()


def names_on_server(record: Record) -> Mapping[str, str]:
    """Return the names of a run's files on its server, by field key; empty before a server was
    chosen."""
    return {
        key: f"{kept.folder or _folder(record.id, key)}/{plain_name(kept.name)}"
        for key, kept in record.job.inputs.items()
        if kept.targets and record.server and not kept.as_base64
    }


def shared_folder(group: str, name: str, digest: str) -> str:
    """Return the folder for one file of all runs of a group, by its name and the SHA-256 of its
    bytes."""
    return _folder(group, f"{digest}/{name}")


def _folder(run_id: str, key: str) -> str:
    """Return the folder for one file of one run or group. It is always the same, so that a file
    which is sent again is stored only once. It can't be guessed without the id."""
    secret = hashlib.blake2b(f"{run_id}/{key}".encode(), digest_size=16).hexdigest()
    return f"{UPLOADS}/{secret}"


def _upload(
    client: Client,
    files: BlobStore,
    kept: KeptInput,
    folder: str,
    check: Callable[[], None],
    *,
    overwrite: bool = False,
) -> str:
    path = files.path(kept.digest)
    try:
        file = _CheckedFile(path, check) if path is not None else None
    except OSError:  # just deleted
        file = None
    if file is None:
        raise _gone()
    with file:
        name = plain_name(kept.name)
        return client.upload(file, name, subfolder=folder, overwrite=overwrite)


def _gone() -> UploadRejected:
    return UploadRejected(message("This file no longer exists."), message("Add it again."))


def _refused(kept: KeptInput, prompt: Prompt, error: UploadRejected) -> PromptRejected:
    classes = {
        node_id: prompt[node_id]["class_type"] if node_id in prompt else ""
        for node_id, _ in kept.targets
    }
    return PromptRejected(
        sentences(labeled(kept.name, message("This file couldn't be sent.")), str(error)),
        error.hint,
        node_errors=[
            NodeError(node_id, input_name, classes[node_id], FILE_REFUSED, str(error), error.hint)
            for node_id, input_name in kept.targets
        ],
    )


class _CheckedFile(io.FileIO):
    """File that checks before each chunk whether the run continues."""

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        super().__init__(path)
        self._check = check

    def read(self, size: int | None = -1, /) -> bytes:
        """Read a chunk; exceptions of `check` propagate."""
        self._check()
        return super().read(-1 if size is None else size)


def clean_up(servers: ServerPool, runs: RunRegistry, record: Record) -> bool:
    """Remove a deleted run's data from the servers, as far as possible.

    Returns whether all of the run's files are gone from them. Never raises ComfyError.
    """
    names = names_on_server(record)
    ran_on = servers.at(record.server)
    if ran_on is None:
        return not (names or record.state.files)  # no longer our server, so don't contact it
    emptied = [name for name in names.values() if not _is_needed(name, runs, record.owner)]
    results = {name for key, name in names.items() if record.job.inputs[key].result}
    # If several runs share a file, another one may have uploaded it to any server.
    shared = any(record.job.inputs[key].folder for key in names)
    is_clean = _clean(ran_on, runs, record, emptied, results)
    others = [one for one in servers.servers if one is not ran_on]
    are_clean = [_clean(one, runs, record, emptied, emptied) for one in others]
    left = not is_clean or ((record.state.restarted or shared) and not all(are_clean))
    has_results = record.state.files and not ran_on.client.address.built_in
    return not has_results and (not names or (not left and len(emptied) == len(names)))


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
    return runs.history.names(owner, _folder_of(name))


def _is_live(name: str, runs: RunRegistry, owner: str) -> bool:
    """Return whether an active run shares this file."""
    folder, going = _folder_of(name), runs.line_of(owner)
    return any(kept.folder == folder for run in going for kept in run.job.inputs.values())


def _folder_of(name: str) -> str:
    return name.rpartition("/")[0]
