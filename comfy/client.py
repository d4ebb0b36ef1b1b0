"""ComfyUI's HTTP interface: one method a request, every one with a timeout. The only module that imports requests.

Answers are parsed in `comfy.answers`; every foreign exception becomes one of `comfy.errors` here.
"""

from __future__ import annotations

import json
import socket
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from comfy.answers import (
    HistoryEntry,
    Queue,
    Submitted,
    parse_history,
    parse_queue,
    parse_submitted,
)
from comfy.connections import pools, shut
from comfy.errors import ComfyError, PromptRejected, ServerError, ServerUnreachable, UploadRejected
from comfy.outputs import OutputFile
from comfy.refusals import PROMPT_TOO_LARGE, UPLOAD_REFUSED, rejected, unexpected

__all__ = ["Client", "HistoryEntry", "Queue", "Submitted", "View"]

# An attempt to connect cannot be aborted, so it is kept short; nothing has been sent yet, so it can be repeated.
_CONNECT_SECONDS = 0.9
_CONNECT_TRIES = 3
_IDLE_SESSIONS = 8


class View:
    """An open answer of ``/view``, to be read once."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers

    def iter_bytes(self, size: int = 65536) -> Iterator[bytes]:
        """The body as it comes, undecoded; ServerUnreachable if it breaks off."""
        try:
            yield from self._response.raw.stream(size, decode_content=False)
        except (HTTPError, OSError) as error:
            raise ServerUnreachable("The file broke off while it came from the server.", "Try again.") from error


class Client:
    """Requests to one ComfyUI server, from any number of threads.

    A requests session is not promised to be thread-safe, so each call borrows one that nobody else is using.
    """

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        """``url`` as in ``http://127.0.0.1:8188``, a path prefix allowed; ComfyError if it is not such an address."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ComfyError(f"{url!r} is not the address of a server.", "Write it like http://127.0.0.1:8188.")
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
        self._lock = threading.Lock()
        self._idle: list[requests.Session] = []
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._closed = False
        self._aborted = False

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; those in use are closed when their call is through."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    def fork(self, *, timeout: float | None = None) -> Client:
        """A client of the same server with connections of its own, to be closed by itself."""
        return Client(self.url, timeout=self.timeout if timeout is None else timeout)

    def abort(self) -> None:
        """From another thread: make the calls in progress, and all later ones, fail with ServerUnreachable at once."""
        with self._lock:
            self._aborted = True
            sockets = list(self._sockets)
        for sock in sockets:
            shut(sock)

    # Prompts

    def submit(
        self, prompt: Mapping[str, Any], *, client_id: str, prompt_id: str, extra_data: Mapping[str, Any] | None = None
    ) -> Submitted:
        """``POST /prompt``. PromptRejected if it is refused as a whole.

        Servers before 0.3.45 choose the prompt id themselves: the one in the answer is right.
        """
        body = {
            "prompt": prompt,
            "client_id": client_id,
            "prompt_id": prompt_id,
            "extra_data": {"client_id": client_id, **(extra_data or {})},
        }
        # requests writes NaN and infinity as they are, which is not JSON: such a number is caught here.
        try:
            data = json.dumps(body, allow_nan=False).encode()
        except ValueError as error:
            raise PromptRejected(
                "The workflow holds a number that cannot be sent.", "Look for an infinite or missing number."
            ) from error
        with self._call("POST", "/prompt", data=data, headers={"Content-Type": "application/json"}) as response:
            if response.status_code == 400:
                raise rejected(_json(response))
            if response.status_code == 413:
                raise PromptRejected(*PROMPT_TOO_LARGE)
            _check(response, self.url)
            try:
                return parse_submitted(_json(response))
            except ValueError as error:
                raise ServerError(
                    "The server's answer to the prompt could not be understood.",
                    "Check that this is the address of a ComfyUI server.",
                    status=response.status_code,
                ) from error

    def history(self, prompt_id: str) -> HistoryEntry | None:
        """How a prompt ended, or None while it waits or runs, and when the server does not know it."""
        return parse_history(self._get(f"/history/{quote(prompt_id, safe='')}"), prompt_id)

    def forget(self, prompt_id: str) -> None:
        """Delete what the server remembers of a prompt that has ended; nothing where it knows none. Files stay."""
        self._post("/history", {"delete": [prompt_id]})

    def queue(self) -> Queue:
        """What runs and what waits."""
        return parse_queue(self._get("/queue"))

    def cancel(self, prompt_id: str) -> bool:
        """Stop this prompt, waiting or running, and no other. A prompt that is neither is left alone. True if the
        server says that it did so; older ones do not say.

        ``/api/jobs/{id}/cancel`` (0.33) does it in one step. Older servers are told to take it out of the queue and
        then to interrupt it if it runs; without its id ``/interrupt`` would stop whoever is running.
        """
        with self._call("POST", f"/api/jobs/{quote(prompt_id, safe='')}/cancel", json={}) as response:
            if response.status_code not in (404, 405):
                _check(response, self.url)
                return _object(_json(response)).get("cancelled") is True
        self._post("/queue", {"delete": [prompt_id]})
        self._post("/interrupt", {"prompt_id": prompt_id})
        return False

    # The server

    def object_info(self) -> dict[str, Any]:
        """The catalogue of all nodes, raw: 0.5 to 1.6 MB, so fetch it rarely."""
        return _object(self._get("/object_info", timeout=max(self.timeout, 60.0)))

    def models(self, folder: str) -> tuple[str, ...]:
        """Names of the model files in one folder (``checkpoints``, ``loras``, …)."""
        names = self._get(f"/models/{quote(folder, safe='')}")
        return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()

    def system_stats(self) -> dict[str, Any]:
        return _object(self._get("/system_stats"))

    def features(self) -> dict[str, Any]:
        """What the server can do; ``max_upload_size`` is in bytes. Empty for servers without it."""
        try:
            return _object(self._get("/features"))
        except ServerError as error:
            if error.status == 404:
                return {}
            raise

    # Files

    def upload(
        self,
        data: bytes,
        filename: str,
        *,
        subfolder: str,
        kind: Literal["image", "mask"] = "image",
        original: str | None = None,
    ) -> str:
        """Send a file and get the value for LoadImage: ``subfolder/name`` with the name the server really took.

        A mask is laid over ``original``, a value as it is returned here. UploadRejected if the server refuses.
        """
        form = {"type": "input", "subfolder": subfolder}
        if kind == "mask":
            form["original_ref"] = json.dumps(_file_ref(original or ""))
        with self._call(
            "POST",
            f"/upload/{kind}",
            data=form,
            files={"image": (filename, data)},
            timeout=max(self.timeout, 60.0),
        ) as response:
            if response.status_code in UPLOAD_REFUSED:
                raise UploadRejected(*UPLOAD_REFUSED[response.status_code])
            _check(response, self.url)
            answer = _object(_json(response))
        name, folder = answer.get("name"), answer.get("subfolder", "")
        if not isinstance(name, str):
            raise UploadRejected("The server did not say under which name it keeps the file.", "Try again.")
        return f"{folder}/{name}" if folder else name

    def empty(self, value: str) -> None:
        """Overwrite an uploaded file, a value as `upload` returns it, with nothing: no ComfyUI (0.3.64, 0.33.0) can
        delete one."""
        subfolder, _, name = value.rpartition("/")
        form = {"type": "input", "subfolder": subfolder, "overwrite": "true"}
        with self._call("POST", "/upload/image", data=form, files={"image": (name, b"")}) as response:
            _check(response, self.url)

    @contextmanager
    def view(self, file: OutputFile, *, range_header: str | None = None) -> Iterator[View]:
        """A file of the server, whole or the part asked for; ServerError (404) when it is no longer there."""
        params = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        headers = {"Accept-Encoding": "identity", **({"Range": range_header} if range_header else {})}
        with self._call("GET", "/view", params=params, headers=headers, stream=True) as response:
            if response.status_code == 404:
                raise ServerError(
                    f"The file {file.filename} is no longer on the server.", "Run the workflow again.", status=404
                )
            _check(response, self.url)
            yield View(response)

    # The one exit to the network

    def _get(self, path: str, timeout: float | None = None) -> object:
        with self._call("GET", path, timeout=timeout) as response:
            _check(response, self.url)
            return _json(response)

    def _post(self, path: str, body: Mapping[str, object]) -> None:
        with self._call("POST", path, json=body) as response:
            _check(response, self.url)

    @contextmanager
    def _call(
        self, method: str, path: str, *, timeout: float | None = None, **options: Any
    ) -> Iterator[requests.Response]:
        with self._session() as session:
            try:
                response = self._send(session, method, self.url + path, timeout or self.timeout, options)
            except requests.RequestException as error:
                raise self._unreachable(error) from error
            except ValueError as error:  # half a surrogate pair in a name, as of a file whose name is no UTF-8
                raise ComfyError("A name cannot be sent to the server.", "Rename the file.") from error
            with response:
                yield response

    def _send(
        self, session: requests.Session, method: str, url: str, timeout: float, options: Mapping[str, Any]
    ) -> requests.Response:
        limits = (min(timeout, _CONNECT_SECONDS), timeout)
        for attempt in range(1, _CONNECT_TRIES + 1):
            try:
                return session.request(method, url, timeout=limits, allow_redirects=method == "GET", **options)
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
                # Not sent at all; or a question cut off, as when it meets a kept connection that is being closed.
                repeatable = isinstance(error, requests.ConnectTimeout) or (method == "GET" and attempt == 1)
                if self._aborted or not repeatable or attempt == _CONNECT_TRIES:
                    raise
        raise AssertionError("unreachable")

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        with self._lock:
            session = self._idle.pop() if self._idle else None
        session = session or self._new_session()
        try:
            yield session
        finally:
            with self._lock:
                keep = not self._closed and not self._aborted and len(self._idle) < _IDLE_SESSIONS
                if keep:
                    self._idle.append(session)
            if not keep:
                session.close()

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = not self._loopback  # a proxy for the outside is of no use for this machine
        adapter = _Adapter(self._opened)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session

    def _opened(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.add(sock)
            aborted = self._aborted
        if aborted:
            shut(sock)

    def _unreachable(self, error: requests.RequestException) -> ServerUnreachable:
        if isinstance(error, requests.ReadTimeout):
            return ServerUnreachable(
                f"The server at {self.url} took too long to answer.", "It may be busy; try again in a moment."
            )
        return ServerUnreachable(
            f"The server at {self.url} cannot be reached.",
            "Check that ComfyUI is running there and the address is right.",
        )


class _Adapter(HTTPAdapter):
    """Reports every socket it opens, which is what makes a call abortable."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = pools(self._opened)

    def close(self) -> None:
        # urllib3 leaves this to the garbage collector, which a kept traceback can put off for long.
        for key in self.poolmanager.pools.keys():  # noqa: SIM118 - a container of its own, that cannot be iterated
            self.poolmanager.pools[key].close()
        super().close()


def _check(response: requests.Response, url: str) -> None:
    """Nothing for a good answer, ServerError for any other."""
    if not 200 <= response.status_code < 300:
        raise unexpected(response.status_code, url)


def _json(response: requests.Response) -> object:
    try:
        return response.json()
    except (requests.RequestException, ValueError, RecursionError) as error:
        raise ServerError(
            "The server's answer could not be understood.",
            "Check that this is the address of a ComfyUI server.",
            status=response.status_code,
        ) from error


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _file_ref(value: str) -> dict[str, str]:
    """``subfolder/name [output]`` as the parts that ``original_ref`` wants."""
    path, _, annotation = value.partition(" [")
    subfolder, _, name = path.rpartition("/")
    return {"filename": name, "subfolder": subfolder, "type": annotation.rstrip("]") or "input"}
