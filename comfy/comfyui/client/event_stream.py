"""WebSocket to a ComfyUI server, read in its own thread. The only module that imports websocket."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable
from http.client import SWITCHING_PROTOCOLS
from urllib.parse import quote

import websocket

from comfy.base.threads import start_thread
from comfy.comfyui.client.client import Client
from comfy.comfyui.client.http_errors import socket_refused, unreachable
from comfy.comfyui.client.sessions import shut

log = logging.getLogger(__name__)

_READ_AHEAD = 16 * 1024  # bytes; websocket-client copies its buffer
_MIB = 1024 * 1024
LONGEST_MESSAGE = 32 * _MIB  # of a message with any number of frames
_FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


class EventStream:
    """Stream of the server's messages for one client id.

    `receive` is called in the reading thread with each frame and must not block: a client that
    doesn't read delays the server's messages to all clients (docs/comfyui.md#12). `ended` is called
    there once if the socket ends without `close`. It gets the reason, and whether the server ended
    it: False if the server didn't answer a ping or sent a message that is too large
    (docs/comfyui.md#14).
    """

    def __init__(
        self,
        client: Client,
        client_id: str,
        *,
        receive: Callable[[str | bytes], None],
        ended: Callable[[str, bool], None],
        ping: float = 20.0,
    ) -> None:
        """Create a closed stream. `client` has the server's address and timeout; `ping`: seconds of
        silence before a ping."""
        self._client = client
        self._url = (
            f"ws{client.address.url.removeprefix('http')}/ws?clientId={quote(client_id, safe='')}"
        )
        self._receive = receive
        self._ended = ended
        self._ping = ping
        self._ws = _bounded_socket()
        self._thread = threading.Thread(
            target=self._read, name=f"stream-{client_id[:8]}", daemon=True
        )
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._closing = False

    def open(self) -> None:
        """Connect, send our feature flags as the first message (docs/comfyui.md#1), and start
        reading.

        Raises ServerUnreachable without an answer, ServerError if the answer isn't a WebSocket's,
        and TooManyThreads if the reading thread can't start.
        """
        sock = self._client.open_socket(self._keep)
        try:
            sock.settimeout(self._client.timeout)
            self._ws.connect(  # type: ignore[no-untyped-call]
                self._url,
                socket=_ReadAhead(sock),
                timeout=self._client.timeout,
                header=dict(self._client.address.headers),
                suppress_origin=True,  # docs/comfyui.md#13
                redirect_limit=0,  # a redirect would send the login to any host
            )
            self._ws.send(_FLAGS)
        except (OSError, websocket.WebSocketException) as error:
            self._shut()
            status = (
                getattr(error, "status_code", None) or self._ws.getstatus()
            )  # getstatus() is for redirects
            if status is not None and status != SWITCHING_PROTOCOLS:
                raise socket_refused(status, self._client.address) from error
            raise unreachable(error, self._client.address.name) from error
        self._ws.settimeout(self._ping)
        start_thread(self._thread)

    def abort(self) -> None:
        """Make a pending `open` fail at once. Called from another thread."""
        with self._lock:
            self._closing = True
            sock = self._socket
        if sock is not None:
            shut(sock)

    def close(self, wait: float = 0.25) -> None:
        """Send a close frame (1000), wait at most `wait` seconds for the server's, and close the
        socket. No callbacks run afterwards.

        The socket is closed on return, so that a new socket with the same client id is safe: the
        server forgets a client by its id when a socket ends, and would send nothing to the newer
        socket (docs/comfyui.md#9).
        """
        with self._lock:
            self._closing = True
        if self._thread.is_alive():
            try:
                self._ws.send_close(websocket.STATUS_NORMAL)
            except (OSError, websocket.WebSocketException) as error:
                log.debug("The socket was already closed: %s", error)
            self._thread.join(wait)
        self._shut()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self, sock: socket.socket) -> None:
        with self._lock:
            self._socket = sock
            if self._closing:
                raise ConnectionAbortedError("closed while opening")

    def _read(self) -> None:
        by_itself = True
        try:
            reason = self._frames()
        except (TimeoutError, _MessageTooLarge) as error:
            reason, by_itself = str(error), False
        except (OSError, websocket.WebSocketException) as error:
            reason = str(error) or type(error).__name__
        except Exception:
            log.exception("Reading a socket failed")
            reason = "an internal error"
        if not self._closing:
            self._shut()
            self._ended(reason, by_itself)

    def _frames(self) -> str:
        """Pass on frames until there are no more, and return why they ended."""
        pinged = False
        while True:
            try:
                opcode, data = self._ws.recv_data(control_frame=True)
            except websocket.WebSocketTimeoutException:
                if pinged:
                    raise TimeoutError(f"no answer to a ping within {self._ping:g} s") from None
                self._ws.ping()
                pinged = True
                continue
            pinged = False
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return f"closed by the server ({int.from_bytes(data[:2], 'big') or 'no code'})"
            if self._closing:
                continue
            if opcode == websocket.ABNF.OPCODE_TEXT:
                self._receive(data.decode("utf-8", "replace"))
            elif opcode == websocket.ABNF.OPCODE_BINARY:
                self._receive(bytes(data))  # copies only a bytearray

    def _shut(self) -> None:
        with self._lock:
            sock = self._socket
        if sock is not None:
            shut(sock)
            sock.close()


class _MessageTooLarge(websocket.WebSocketException):
    def __init__(self) -> None:
        super().__init__(f"the server sent a message larger than {LONGEST_MESSAGE // _MIB} MB")


def _bounded_socket() -> websocket.WebSocket:
    """Return a WebSocket that raises _MessageTooLarge as soon as a header announces too much."""
    socket = websocket.WebSocket(skip_utf8_validation=True, enable_multithread=True)
    socket.frame_buffer = _BoundedFrames(socket.frame_buffer.recv, skip_utf8_validation=True)
    socket.cont_frame = _BoundedMessage(fire_cont_frame=False, skip_utf8_validation=True)
    return socket


class _BoundedFrames(websocket.frame_buffer):
    """Frame reader with a size limit."""

    def recv_length(self) -> None:
        super().recv_length()
        if self.length is not None and self.length > LONGEST_MESSAGE:
            raise _MessageTooLarge


class _BoundedMessage(websocket.continuous_frame):
    """Message buffer that joins frames in linear time, with a size limit."""

    def add(self, frame: websocket.ABNF) -> None:
        before = len(self.cont_data[1]) if self.cont_data else 0
        if before + len(frame.data) > LONGEST_MESSAGE:
            raise _MessageTooLarge
        super().add(frame)
        if self.cont_data and not before and not frame.fin:
            self.cont_data[1] = bytearray(self.cont_data[1])  # otherwise each frame would copy all


class _ReadAhead:
    """Socket with a read-ahead buffer: websocket-client reads the handshake byte by byte, up to the
    end of each line, and each message in three calls."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = b""  # received but not read yet
        self.gettimeout = sock.gettimeout  # called before every read

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)

    def recv(self, most: int) -> bytes:
        """Read like a socket. If `most` is above 1, return everything available, otherwise the rest
        of the line or its line feed."""
        data = self._data or self._sock.recv(_READ_AHEAD)
        line = data.partition(b"\n")[0] if most == 1 else data
        end = len(line) or 1
        self._data = data[end:]
        return data[:end]
