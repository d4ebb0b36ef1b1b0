"""ComfyUI's HTTP interface: one method per request, each with a timeout.

`comfy.comfyui.protocol.responses` parses the answers. All foreign exceptions become errors of
`comfy.base.errors` here.

Form with one file, as a browser sends it (multipart/form-data), streamed instead of held in
memory.

Body of `POST /prompt`.
"""

from __future__ import annotations

import io
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import requests
from urllib3.exceptions import HTTPError
from urllib3.filepost import choose_boundary, encode_multipart_formdata

from comfy.base.errors import (
    ComfyError,
    PromptRejected,
    ServerError,
    ServerUnreachable,
    UploadRejected,
)
from comfy.base.json_values import as_mapping
from comfy.base.messages import message
from comfy.base.threads import Callbacks
from comfy.comfyui.client import exchange
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.exchange import ServerAnswer
from comfy.comfyui.client.http_errors import (
    TOO_LARGE,
    UPLOAD_REFUSED,
    rejected,
    unexpected,
    unreachable,
    upload_too_large,
)
from comfy.comfyui.client.sessions import IdleSessions, Session, open_socket, timed_out
from comfy.comfyui.client.view import FileResponse, view_request
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.responses import (
    HistoryEntry,
    Queue,
    Submitted,
    parse_history,
    parse_queue,
    parse_submitted,
)

# Larger bodies are compared with the server's limit first: a refusing server may cut the connection
# during the body, and then its reason gets lost.
_ASK_BEFORE = 16 * 1024 * 1024
_CHUNK = 1024 * 1024  # bytes
# Short, since an attempt to connect can't be aborted. It can be repeated, since nothing has been
# sent yet.
_CONNECT_SECONDS = 0.9


class FileForm:
    """Request body of known length. `kind`: its content type."""

    def __init__(self, fields: Mapping[str, str], filename: str, file: BinaryIO) -> None:
        boundary = choose_boundary()
        whole, self.kind = encode_multipart_formdata({**fields, "image": (filename, b"")}, boundary)
        self._end = f"\r\n--{boundary}--\r\n".encode()
        self._beginning = whole.removesuffix(self._end)
        self._file = file
        self._size = file.seek(0, os.SEEK_END)

    def __len__(self) -> int:
        return len(self._beginning) + self._size + len(self._end)

    def check_size(self, features: Mapping[str, Any]) -> None:
        """Raise UploadRejected if these `/features` of the server announce a limit below this size
        (docs/comfyui.md#23)."""
        most = features.get("max_upload_size")
        if isinstance(most, int) and len(self) > most:
            raise upload_too_large(self._size, most)

    def __iter__(self) -> Iterator[bytes]:
        yield self._beginning
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk
        yield self._end


def prompt_body(
    prompt: Mapping[str, Any], client_id: str, prompt_id: str, extra_data: Mapping[str, Any]
) -> bytes:
    """Return the JSON that sends a prompt. Raises PromptRejected if it isn't JSON."""
    body = {
        "prompt": prompt,
        "client_id": client_id,
        "prompt_id": prompt_id,
        "extra_data": {"client_id": client_id, **extra_data},
        **{key: extra_data[key] for key in ("workflow_metadata",) if key in extra_data},
    }
    # requests would send NaN and infinity, which aren't JSON.
    try:
        return json.dumps(body, allow_nan=False).encode()
    except ValueError as error:
        raise PromptRejected(
            "The workflow contains a number that can't be sent.",
            "Look for an infinite or missing number.",
        ) from error


class Client:
    """Client of one ComfyUI server. Thread-safe."""

    def __init__(self, server: ServerAddress | str, *, timeout: float = 10.0) -> None:
        """Create a client. A text `server` is parsed by `ServerAddress.parse`. Raises ComfyError if
        it isn't an address."""
        self.address = ServerAddress.parse(server) if isinstance(server, str) else server
        self.timeout = timeout
        self._sessions = IdleSessions(self.address)
        self._lock = threading.Lock()
        self._used = set[Session]()
        self._aborted = False
        self._when_unreachable = Callbacks[[]]()
        self._cleaned: Callable[[bytes], bytes] = bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, also for forks. An active connection closes after its call."""
        self._sessions.close()

    def close_idle(self) -> None:
        """Close idle connections; the next call opens another."""
        self._sessions.close_idle()

    def fork(
        self, *, timeout: float | None = None, cleaned: Callable[[bytes], bytes] | None = None
    ) -> Client:
        """Return a client over the same connections that is aborted separately and never closed.
        `cleaned`: removes secrets from each answer, also for this client's forks. Files stay
        unchanged."""
        forked = Client(self.address, timeout=self.timeout if timeout is None else timeout)
        forked._sessions, forked._when_unreachable = self._sessions, self._when_unreachable
        forked._cleaned = cleaned or self._cleaned
        return forked

    def on_unreachable(self, call: Callable[[], None]) -> None:
        """Register a callback for each unanswered request of this client or its forks that wasn't
        aborted. It runs in the thread of that request."""
        self._when_unreachable.add(call)

    def abort(self) -> None:
        """Make all present and later calls fail with ServerUnreachable at once. Thread-safe."""
        with self._lock:
            self._aborted = True
            used = list(self._used)
        for session in used:
            session.abort()

    # Prompts

    def submit(
        self,
        prompt: Mapping[str, Any],
        *,
        client_id: str,
        prompt_id: str,
        extra_data: Mapping[str, Any],
    ) -> Submitted:
        """Send `POST /prompt`. Raises PromptRejected if it is refused as a whole.

        Servers before 0.3.45 choose the prompt id themselves, so use the id in the answer
        (docs/comfyui.md#15).
        """
        data = prompt_body(prompt, client_id, prompt_id, extra_data)
        answer = self._call(
            "POST", "/prompt", data=data, headers={"Content-Type": "application/json"}
        )
        if answer.status == 400:
            raise rejected(answer.parsed())
        if answer.status == 413:
            raise PromptRejected(*TOO_LARGE)
        self._check(answer.status)
        try:
            return parse_submitted(answer.parsed())
        except ValueError as error:
            raise ServerError(
                message("The server sent an unexpected response."),
                message("Check that this is the address of a ComfyUI server."),
                status=answer.status,
            ) from error

    def history(self, prompt_id: str) -> HistoryEntry | None:
        """Return a prompt's final state; None while it waits or runs, and for an unknown prompt."""
        path = f"/history/{quote(prompt_id, safe='')}"
        return parse_history(self._get(path, most=exchange.LONG_ANSWER), prompt_id)

    def forget(self, prompt_id: str) -> None:
        """Delete an ended prompt from the history, if it is there. Its files stay
        (docs/comfyui.md#29)."""
        self._post("/history", {"delete": [prompt_id]})

    def queue(self) -> Queue:
        """Return the running and pending prompts."""
        return parse_queue(self._get("/queue", most=exchange.LONG_ANSWER))

    def cancel(self, prompt_id: str) -> bool:
        """Stop only this prompt, pending or running. Do nothing if it is neither. Return True if
        the server confirms it; older servers don't.

        `/api/jobs/{id}/cancel` does it in one step since 0.33 (docs/comfyui.md#19). On older
        servers the prompt is deleted from the queue, then interrupted if it runs; without its id
        `/interrupt` would stop any running prompt.
        """
        answer = self._call("POST", f"/api/jobs/{quote(prompt_id, safe='')}/cancel", json={})
        if answer.status not in (404, 405):
            self._check(answer.status)
            return as_mapping(answer.parsed()).get("cancelled") is True
        self._post("/queue", {"delete": [prompt_id]})
        self._post("/interrupt", {"prompt_id": prompt_id})
        return False

    # The server

    def answers(self, *, timeout: float) -> bool:
        """Return whether the server answers in time. A refusal is an answer, a proxy's 5xx isn't.
        Raises ServerUnreachable if the request was aborted."""
        headers = {"Connection": "close"}  # occasional checks keep no connection open
        try:
            with self._opened("GET", "/system_stats", timeout=timeout, headers=headers) as response:
                return response.status_code < 500
        except ServerUnreachable:
            if self._aborted:
                raise
            return False

    def object_info(self) -> dict[str, Any]:
        """Return all raw node definitions: 0.5 to 1.6 MB, so fetch rarely (docs/comfyui.md#25)."""
        timeout = max(self.timeout, 60.0)
        return as_mapping(self._get("/object_info", timeout=timeout, most=exchange.LONG_ANSWER))

    def definitions(self, workflow: Mapping[str, Any]) -> dict[str, Any]:
        """Return the node definitions that a workflow needs in addition to `object_info`, as a
        stand-in that runs anything answers. An app in front of one has none: return {}."""
        answer = self._call("POST", "/standin/definitions", json={"workflow": workflow})
        if answer.status == HTTPStatus.NOT_FOUND:
            return {}
        self._check(answer.status)
        return as_mapping(answer.parsed())

    def system_stats(self) -> dict[str, Any]:
        """Return the server's description of itself and its machine: `GET /system_stats`, or {}."""
        return as_mapping(self._get("/system_stats"))

    def free(self) -> None:
        """Make the server free its models and cached results, after its current run."""
        self._post("/free", {"unload_models": True, "free_memory": True})

    def save_workflow(self, name: str, graph: Mapping[str, Any]) -> None:
        """Save a graph for the editor's *Workflows* sidebar, unless a file of this name exists."""
        path = f"/userdata/{quote(f'workflows/{name}', safe='')}?overwrite=false"
        answer = self._call("POST", path, json=graph)
        if answer.status != 409:
            self._check(answer.status)

    # Files

    def upload(
        self, data: bytes | BinaryIO, filename: str, *, subfolder: str, overwrite: bool = False
    ) -> str:
        """Upload a file and return the value for LoadImage: `subfolder/name`, with the name that
        the server chose. The name differs if it was taken, unless `overwrite` is set
        (docs/comfyui.md#22).

        An open file is sent in pieces, from its beginning. Raises UploadRejected if the server
        refuses, or announces a limit below the file's size.
        """
        form = {"type": "input", "subfolder": subfolder}
        form |= {"overwrite": "true"} if overwrite else {}
        body = FileForm(form, filename, io.BytesIO(data) if isinstance(data, bytes) else data)
        if len(body) > _ASK_BEFORE:
            features = self._call("GET", "/features")  # missing on older servers
            body.check_size(as_mapping(features.parsed()) if features.ok else {})
        answer = self._call(
            "POST",
            "/upload/image",
            data=body,
            headers={"Content-Type": body.kind},
            timeout=max(self.timeout, 60.0),
            has_deadline=False,  # a large file takes long on a slow line
        )
        if answer.status in UPLOAD_REFUSED:
            raise UploadRejected(*UPLOAD_REFUSED[answer.status])
        self._check(answer.status)
        kept = as_mapping(answer.parsed())
        name, folder = kept.get("name"), kept.get("subfolder", "")
        if not isinstance(name, str):
            raise UploadRejected(
                message("The server sent an unexpected response."),
                message("Try again."),
            )
        return f"{folder}/{name}" if folder else name

    def size_of(self, value: str) -> int | None:
        """Return a file's size in bytes by its name in an input (docs/comfyui.md#22), or None if it
        is unknown. Raises ServerError (404) if the file doesn't exist."""
        path, _, folder = value.rpartition(" [")
        subfolder, _, name = path.rpartition("/")
        params = {"filename": name, "subfolder": subfolder, "type": folder.rstrip("]")}
        headers = {"Accept-Encoding": "identity"}
        with self._opened("HEAD", "/view", params=params, headers=headers) as response:
            self._check(response.status_code)
            return FileResponse(response).size

    def empty(self, value: str, folder: str = "input") -> None:
        """Overwrite an uploaded file with nothing, since ComfyUI can't delete files
        (docs/comfyui.md#29). The built-in stand-in deletes it. `value` is as returned by
        `upload`."""
        subfolder, _, name = value.rpartition("/")
        form = {"type": folder, "subfolder": subfolder, "overwrite": "true"}
        answer = self._call("POST", "/upload/image", data=form, files={"image": (name, b"")})
        self._check(answer.status)

    @contextmanager
    def view(
        self, file: OutputFile, *, range_header: str | None = None, preview: bool = False
    ) -> Iterator[FileResponse]:
        """Yield a server's file or its `preview`, or the requested part. Raises ServerError (404)
        if it is gone."""
        path, options = view_request(file, range_header, preview=preview)
        with self._opened("GET", path, **options) as response:
            if response.status_code == 404:
                raise ServerError(
                    message("{name} is no longer available.", name=file.name),
                    message("Run the workflow again."),
                    status=404,
                )
            self._check(response.status_code)
            if not range_header and response.status_code != 200:  # such as 206: a part of the file
                raise unexpected(response.status_code, self.address)
            yield FileResponse(response)

    def published(self, path: str, *, most: int = exchange.USUAL_ANSWER) -> bytes:
        """Return a file of at most this many bytes that the server publishes at a path, such as a
        template. Raises ServerError (404) if it doesn't exist."""
        answer = self._call("GET", path, most=most)
        self._check(answer.status)
        return answer.content

    def ask_node(self, method: str, path: str, **options: Any) -> ServerAnswer:
        """Return a custom node's answer with any status. `options`: arguments of requests."""
        return self._call(method, path, **options)

    # All network access to ComfyUI

    def _get(
        self, path: str, timeout: float | None = None, *, most: int = exchange.USUAL_ANSWER
    ) -> object:
        answer = self._call("GET", path, timeout=timeout, most=most)
        self._check(answer.status)
        return answer.parsed()

    def _post(self, path: str, body: Mapping[str, object]) -> None:
        self._check(self._call("POST", path, json=body).status)

    def open_socket(self, opened: Callable[[socket.socket], None]) -> socket.socket:
        """Open a socket to the server for protocols other than HTTP, with the same proxies and TLS
        as calls. `opened`: see `comfy.comfyui.client.sessions.open_socket`. Raises
        ServerUnreachable."""
        for attempt in range(1, exchange.CONNECT_TRIES + 1):
            try:
                return open_socket(
                    self.address, opened, timeout=min(self.timeout, _CONNECT_SECONDS)
                )
            except (HTTPError, OSError) as error:
                if self._aborted or not timed_out(error) or attempt == exchange.CONNECT_TRIES:
                    raise self._unreachable(error) from error
        raise AssertionError("unreachable")

    def _call(
        self,
        method: str,
        path: str,
        *,
        timeout: float | None = None,
        most: int = exchange.USUAL_ANSWER,
        has_deadline: bool = True,
        **options: Any,
    ) -> ServerAnswer:
        """Return the answer, with at most `most` bytes. `has_deadline`: see `exchange.deadline`."""
        longest = (timeout or self.timeout) if has_deadline else None

        def ask() -> ServerAnswer:
            with self._sent(session, method, path, timeout, options) as response:
                answer = exchange.read_bounded(response, most)
                return replace(answer, content=self._cleaned(answer.content))

        with (
            self._session() as session,
            self._translating(),
            exchange.deadline(session, longest),
        ):
            return exchange.ask_repeatedly(method, ask, lambda: self._aborted)

    @contextmanager
    def _opened(
        self, method: str, path: str, *, timeout: float | None = None, **options: Any
    ) -> Iterator[requests.Response]:
        """Yield an answer, whose body the caller reads."""
        with self._session() as session:
            with self._translating():
                ask = partial(self._sent, session, method, path, timeout, options)
                with exchange.deadline(session, timeout or self.timeout):
                    response = exchange.ask_repeatedly(method, ask, lambda: self._aborted)
            with response:
                yield response

    def _sent(
        self,
        session: Session,
        method: str,
        path: str,
        timeout: float | None,
        options: Mapping[str, Any],
    ) -> requests.Response:
        longest = timeout or self.timeout
        limits = min(longest, _CONNECT_SECONDS), longest
        url = self.address.url + path
        return exchange.send_request(
            session, self.address, method, url, timeout=limits, options=options
        )

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (requests.RequestException, HTTPError) as error:
            raise self._unreachable(error) from error
        except ValueError as error:  # a lone surrogate, from a file name that isn't UTF-8
            raise ComfyError(
                message("The server rejected the file."), message("Rename the file.")
            ) from error

    def _unreachable(self, error: BaseException) -> ServerUnreachable:
        if not self._aborted:
            self._when_unreachable.call()
        return unreachable(error, self.address.name)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        session = self._sessions.take()
        with self._lock:
            self._used.add(session)
            aborted = self._aborted
        if aborted:
            session.abort()
        try:
            yield session
        finally:
            with self._lock:
                self._used.remove(session)
                aborted = self._aborted
            if aborted:
                session.close()
            else:
                self._sessions.give_back(session)

    def _check(self, status: int) -> None:
        """Raise ServerError if the status isn't a success."""
        if not 200 <= status < 300:
            raise unexpected(status, self.address)
