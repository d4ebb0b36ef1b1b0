"""The stand-in server as a context manager, with real sockets on a real port and its own
threads."""

from __future__ import annotations

import asyncio
import json
import math
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from comfyui_standin.anything.shapes import DEMO
from comfyui_standin.nodes.base import NodeClass, Speed
from comfyui_standin.nodes.registry import NEWER_NODES, NODES, open_nodes, provide_examples
from comfyui_standin.server.executor import Worker
from comfyui_standin.server.faults import FaultKind, Hold, Misbehavior, Script
from comfyui_standin.server.manager import DemoManager, Generation
from comfyui_standin.server.middleware import DemoMiddleware, RequestCounter
from comfyui_standin.server.models import DemoModels, Templates, stand_in_models
from comfyui_standin.server.newer import Assets
from comfyui_standin.server.prompt_queue import Journal, PromptQueue
from comfyui_standin.server.routes import Routes
from comfyui_standin.server.sockets import (
    DemoWebSocketProtocol,
    SocketCounters,
    Sockets,
    TextMessage,
)
from comfyui_standin.server.validation import ValidationResult
from comfyui_standin.storage import MOST_BYTES, Storage

_MIB = 1024 * 1024
_LONGEST = 8.0  # seconds that a run simulates, in a demo
_HISTORY_BYTES = 4 * _MIB  # of a demo, whose prompts have large graphs


class DemoServer:
    """Stand-in for a ComfyUI server.

        with DemoServer(step_seconds=0) as demo:
            requests.get(f"{demo.url}/system_stats")

    `step_seconds` and `load_seconds` simulate the durations of a sampler's step and of loading a
    model. To save time, images with a longer side than `painted` pixels are painted at that size
    and enlarged, and previews are no larger. `previews` sends previews even to prompts that don't
    ask for them; by default they are off, as on the real server (docs/comfyui.md#3). `newer` adds
    what servers after 0.33.0 have and send: loops, names and previews of results, and the request's
    metadata in messages. `anything` imitates the node classes that the stand-in doesn't have
    itself. `templates`: workflows to offer. `manager`: a ComfyUI-Manager of this generation.
    `models`: model files to list. `built_in`: the server's only client is the app, which overwrites
    a file with nothing when it no longer needs it: the server deletes it, and the files of a
    prompt that is deleted from the history. Prompts share no results. `most_bytes`: of all files;
    beyond that, the oldest are deleted. Leaving the block ends every thread, closes every socket
    and removes every file.
    """

    def __init__(  # noqa: PLR0913 - settings of a server, all by name
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        step_seconds: float = 0.15,
        load_seconds: float | None = None,
        painted: int = 1024,
        previews: bool = False,
        max_upload: int = 100 * _MIB,
        history_size: int = 10_000,
        nodes: Mapping[str, NodeClass] = NODES,
        newer: bool = False,
        anything: bool = False,
        templates: Templates | None = None,
        manager: Generation | None = None,
        models: DemoModels | None = None,
        built_in: bool = False,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._address = (host, port)
        self.speed = Speed(
            step_seconds,
            2 * step_seconds if load_seconds is None else load_seconds,
            step_seconds / 8,
            painted,
        )
        """Durations of the simulated work; `demo.speed.step = 0` lets running prompts finish."""
        self._previews = previews
        self._max_upload = max_upload
        self._history_size = history_size
        self._anything = anything
        self._built_in, self._most_bytes = built_in, most_bytes
        if anything:
            nodes = {**open_nodes(), **{key: one for key, one in nodes.items() if key not in NODES}}
            self.speed.longest = _LONGEST
        self._nodes = {**nodes, **NEWER_NODES} if newer else nodes
        self._newer = newer
        self.templates = templates or Templates()
        """Workflow templates to serve from the next start on."""
        self.manager = DemoManager(manager) if manager else None
        """Its ComfyUI-Manager, if it has one."""
        self.models = models or stand_in_models()
        self._script = Script()
        self.journal = Journal()
        """Outcome of every prompt, across restarts."""
        self._requests = RequestCounter()
        self._storage: Storage | None = None
        self._running: _RunningServer | None = None

    # --- lifetime

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start listening and serving. Raises OSError if the port is in use."""
        if self._storage is None:
            self._storage = Storage(
                paints=self._anything, built_in=self._built_in, most_bytes=self._most_bytes
            )
            provide_examples(self._storage)
        try:
            self._running = _RunningServer(self, self._storage, self._address)
        except OSError:
            self.close()
            raise
        self._address = self._running.address

    def close(self) -> None:
        """Stop at once, dropping running prompts and connections."""
        if self._running is not None:
            self._running.end()
            self._running = None
        if self._storage is not None:
            self._storage.close()
            self._storage = None

    def restart(self) -> None:
        """Call `stop`, then `start` on the same port. Queue, history and sockets are lost; files
        remain."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Stop like a killed process, without closing sockets properly. Keeps port and files for a
        later `start`."""
        if self._running is not None:
            self._running.end()
            self._running = None

    # --- for tests

    def announce(self, type_: str, data: Any) -> None:  # noqa: ANN401 - any JSON value
        """Send a message of any type to all clients, such as `asset_download`."""
        self._alive.sockets.send(TextMessage(type_, data))

    @property
    def url(self) -> str:
        """Return the address, such as `http://127.0.0.1:40123`."""
        host, port = self._address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def script(
        self, kind: FaultKind, at: str, *, after: int = 0, count: int = 1, seconds: float = 0.0
    ) -> None:
        """Script a fault at a future message or request; see `Misbehavior`."""
        self._script.add(Misbehavior(kind, at, after, count, seconds))

    @contextmanager
    def hold(self, at: str, *, after: int = 0) -> Iterator[Hold]:
        """Hold the server at `at` until the block ends or the hold is released; see
        `Misbehavior`."""
        hold = Hold()
        line = Misbehavior("hold", at, after, hold=hold)
        self._script.add(line)
        try:
            yield hold
        finally:
            self._script.remove(line)
            hold.release()

    def behave(self) -> None:
        """Clear the rest of the script."""
        self._script.clear()

    @property
    def requests(self) -> Counter[str]:
        """Return the number of requests so far by method and path (without /api). Survives a
        restart."""
        return self._requests.snapshot()

    @property
    def sockets(self) -> SocketCounters:
        """Return counters of sockets since the last start: opened, still open, and the clients'
        close codes."""
        return self._alive.sockets.counters

    @property
    def tasks(self) -> int:
        """Return the number of requests and sockets in progress."""
        return self._alive.tasks

    @property
    def queue(self) -> PromptQueue:
        """Return the queue and history. Tests can read or clear them without the clients'
        knowledge."""
        return self._alive.queue

    def validated(self, prompt: Mapping[str, Any]) -> ValidationResult:
        """Validate a prompt as if it were sent, without running it."""
        return self._alive.routes.validated(json.loads(json.dumps(prompt)))[0]

    @property
    def storage(self) -> Storage:
        """Return the storage of the input, output and temp folders."""
        if self._storage is None:
            raise RuntimeError("the stand-in server is not running")
        return self._storage

    @property
    def _alive(self) -> _RunningServer:
        if self._running is None:
            raise RuntimeError("the stand-in server is not running")
        return self._running


class _RunningServer:
    """The server from one start to the next stop: its port, threads and memory."""

    def __init__(self, demo: DemoServer, storage: Storage, address: tuple[str, int]) -> None:
        self._listener = _listen(address)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        features = {
            "supports_preview_metadata": True,
            "supports_model_type_tags": True,
            "max_upload_size": demo._max_upload,
            "extension": {"manager": {"supports_v4": True}},
            "node_replacements": True,
            "assets": demo._newer,
        }
        if demo._newer:
            features["supports_progress_text_metadata"] = True
        assets = Assets() if demo._newer else None
        journal = demo.journal
        self.queue = PromptQueue(
            self._queue_changed,
            journal,
            lambda: demo._script.take("history") is None,
            demo._history_size,
            _HISTORY_BYTES if demo._anything else math.inf,
        )
        storage.named = self.queue.file_values
        self.sockets = Sockets(self._loop, demo._script, journal, self._status, features)
        self._worker = Worker(
            self.queue,
            self.sockets,
            storage,
            demo.speed,
            previews=demo._previews,
            assets=assets,
            metadata={"demo": DEMO} if demo._anything else {},
        )
        self.routes = Routes(
            self.queue,
            self.sockets,
            storage,
            self._worker,
            demo._nodes,
            demo.models.names,
            features,
            anything=demo._anything,
        )
        table = [*self.routes.table(), *demo.templates.routes(), *demo.models.routes()]
        table += assets.routes() if assets is not None else ()
        table += demo.manager.routes() if demo.manager is not None else ()
        middleware = Middleware(
            DemoMiddleware, counter=demo._requests, script=demo._script, max_body=demo._max_upload
        )
        self._app = Starlette(routes=table, middleware=[middleware])
        self._thread = threading.Thread(target=self._run, name="comfy-demo-server")
        self._thread.start()
        self._worker.start()

    def end(self) -> None:
        """Cut all connections and stop both threads. Like a killed process, it sends no notice of
        unfinished work."""
        self.sockets.hush()
        self.queue.close()
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._worker.join()

    @property
    def tasks(self) -> int:
        """Return the number of the loop's tasks, without its own serving and sending tasks."""
        return len(asyncio.all_tasks(self._loop)) - 2

    def _status(self) -> dict[str, Any]:
        return {"exec_info": {"queue_remaining": self.queue.remaining()}}

    def _queue_changed(self) -> None:
        self.sockets.send(TextMessage("status", {"status": self._status()}))

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        # Without log_config and log_level uvicorn doesn't change the process's loggers. The app
        # configures its own.
        config = uvicorn.Config(
            self._app,
            loop="asyncio",
            http="h11",
            ws=DemoWebSocketProtocol,
            lifespan="off",
            log_config=None,
            log_level=None,
            ws_ping_interval=None,
            ws_per_message_deflate=False,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        publisher = asyncio.create_task(self.sockets.publish())
        # Server.serve() would poll for shutdown and wait for connections. A stand-in must stop at
        # once.
        await server.startup(sockets=[self._listener])
        await self._ended.wait()
        publisher.cancel()
        for listening in server.servers:
            listening.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


def _listen(address: tuple[str, int]) -> socket.socket:
    """Return a listening socket. Clients can connect as soon as this returns, though they are
    served a moment later."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    # With the protocol given explicitly, asyncio sets TCP_NODELAY on accepted sockets, so small
    # messages are sent at once.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # on Windows it would let two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
