"""One ComfyUI server: how to reach it, what it can run, and which prompts it has."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from comfy.base.errors import ComfyError
from comfy.base.threads import Callbacks
from comfy.comfyui.client.client import Client
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.parse import WarnOnce
from comfy.comfyui.protocol.responses import Queue
from comfy.comfyui.protocol.run_state import RunError
from comfy.comfyui.servers.needs import Needs

log = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0  # a ComfyUI server that is loading a model may take a few seconds


class EndedPrompts:
    """The last few prompts that finished here. If the server still knows one of them, it hasn't
    restarted since. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: deque[str] = deque(maxlen=3)

    def add(self, prompt_id: str) -> None:
        """Note that this prompt has finished or failed."""
        with self._lock:
            if prompt_id not in self._ids:
                self._ids.append(prompt_id)

    def ids(self) -> tuple[str, ...]:
        """Return the ids, oldest first."""
        with self._lock:
            return tuple(self._ids)


class ComfyServer:
    """One server of a pool. Thread-safe. Only `fetch_nodes`, `check`, `look_at_queue`, `free` and
    `cancel_left` wait for the server."""

    def __init__(self, client: Client, number: int = 0, *, spot: bool = False) -> None:
        """`number`: identifies the server for administrators. `spot`: it may vanish at any time, so
        its runs always start again on another server."""
        self.client = client
        self.number, self.spot = number, spot
        self._asking = client.fork()  # for requests for its nodes and its queue
        self._closed = threading.Event()
        self._retired = False
        self.ended = EndedPrompts()
        self.began: Callbacks[[str]] = Callbacks()
        """Called with a run's id when the server starts its prompt."""
        self.skipped = WarnOnce()
        self._lock = threading.Lock()
        self._up = True
        self.away_since: float | None = None
        """When the server stopped answering checks, in seconds since 1970."""
        self.problem = ""
        """Why the server didn't answer the last report."""
        self._gone_since_asked = False
        self._drained = False
        self._starting, self._start_failures = False, 0
        self._process_end: tuple[float, RunError] | None = None
        self._nodes: Catalog | None = None
        self._last: Needs | None = None
        self._of_others: set[str] = set()
        self._ours: deque[str] = deque(maxlen=100)  # more than its queue holds at once
        self._left: list[str] = []
        self._recheck = threading.Event()
        self._uploading = WeakValueDictionary[str, threading.Lock]()

    @property
    def url(self) -> str:
        """Return the address without credentials; records identify the server by it."""
        return self.client.address.url

    @property
    def label(self) -> str:
        """Return the server's name for administrators: their own name for it, or its address."""
        return self.client.address.label or self.url

    @property
    def place(self) -> str:
        """Return the name, or the address without the scheme, for administrators."""
        return self.client.address.place

    @property
    def up(self) -> bool:
        """Return whether the server answered the last check; True before the first."""
        return self._up

    @property
    def drained(self) -> bool:
        """Return whether an administrator drained the server. It then gets no more runs and
        finishes its current ones."""
        return self._drained

    @drained.setter
    def drained(self, value: bool) -> None:
        with self._lock:
            self._drained = value

    def retire(self) -> None:
        """Send the server no more runs, because the app will stop it."""
        self._retired = True

    @property
    def starting(self) -> bool:
        """Return whether the app has started this ComfyUI, or is about to, and it doesn't answer
        yet."""
        return self._starting

    @property
    def takes_runs(self) -> bool:
        """Return whether the server may get runs: it isn't drained, starting or about to be
        stopped."""
        return not (self._drained or self._starting or self._retired)

    @property
    def start_failures(self) -> int:
        """Return how many starts in a row have failed."""
        return self._start_failures

    def note_start(self, end: RunError | None, failures: int) -> None:
        """Note that the app starts this ComfyUI. `end`: why its process ended just now, for the
        runs that it had; `failures`: how many starts in a row have failed."""
        with self._lock:
            self._starting, self._start_failures = True, failures
            if end is not None:
                self._process_end = time.monotonic(), end
                self._last = None

    def note_ready(self) -> None:
        """Note that the ComfyUI that the app started answers."""
        with self._lock:
            self._starting, self._up = False, True

    def process_end_since(self, moment: float) -> RunError | None:
        """Return why the server's process ended after this moment, a value of `time.monotonic`;
        None if it hasn't, or if the app doesn't start this server."""
        end = self._process_end
        return end[1] if end is not None and end[0] >= moment else None

    @property
    def nodes(self) -> Catalog | None:
        """Return the node classes as last fetched; None before the first fetch."""
        return self._nodes

    def unfit_inputs(self, needs: Needs) -> int | None:
        """See `Needs.unfit_inputs`. None if the server's nodes are unknown."""
        nodes = self._nodes
        return None if nodes is None else needs.unfit_inputs(nodes)

    def can_do(self, needs: Needs) -> bool:
        """Return whether the server meets a prompt's requirements. True if its nodes are
        unknown."""
        nodes = self._nodes
        return nodes is None or needs.met_by(nodes)

    def familiarity(self, needs: Needs) -> tuple[int, int]:
        """Return how much of a prompt the server's last one prepared: models in memory, and nodes
        with cached results."""
        last = self._last
        if last is None:
            return 0, 0
        return len(last.models & needs.models), len(last.cache_keys & needs.cache_keys)

    @property
    def prompts_of_others(self) -> int:
        """Return the number of other clients' prompts in the queue at the last check, including the
        running one; 0 if unknown."""
        return len(self._of_others)

    def took(self, needs: Needs, prompt_id: str) -> None:
        """Note that the server accepted this prompt with these needs."""
        with self._lock:
            self._last = needs
            self._ours.append(prompt_id)
            self._of_others.discard(prompt_id)

    def uploading(self, folder: str) -> threading.Lock:
        """Return a lock for a folder of files that several runs share. Hold it while adding or
        removing a file there."""
        with self._lock:
            return self._uploading.setdefault(folder, threading.Lock())

    def save_workflow(self, name: str, graph: Mapping[str, Any]) -> None:
        """See `Client.save_workflow`."""
        self.client.save_workflow(name, graph)

    def free(self) -> None:
        """Free the server's memory, so that the next prompt can't reuse anything. Raises
        ServerUnreachable or ServerError."""
        self.client.free()
        with self._lock:
            self._last = None

    def fetch_nodes(self) -> Catalog:
        """Fetch the node classes. Raises ServerUnreachable, also if a concurrent `check` finds the
        server down, or ServerError."""
        with self._lock:
            asking = self._asking
        raw = asking.object_info()
        with self._lock:
            if self._nodes is None or self._nodes.raw != raw:
                self._nodes = Catalog(raw)
            return self._nodes

    def recheck(self, *, gone: bool = False) -> None:
        """Schedule a check soon, after a request without a response. `gone`: count the server as
        down until then."""
        if gone:
            with self._lock:
                self._up, self._gone_since_asked = False, True
        self._recheck.set()

    def wait_for_recheck(self, seconds: float) -> None:
        """Wait for `recheck`, for at most this many seconds."""
        self._recheck.wait(seconds)

    def check(self, *, timeout: float = ANSWER_SECONDS) -> bool:
        """Check the server, for at most this many seconds, and return whether it answers. A failure
        in the meantime counts until the next check. Raises ServerUnreachable at shutdown."""
        self._recheck.clear()
        with self._lock:
            self._gone_since_asked = False
        answers = self.client.answers(timeout=timeout)
        with self._lock:
            self._up = answers and not self._gone_since_asked
            self.away_since = None if answers else self.away_since or time.time()
        if not answers:
            self.give_up_asking()
        return answers

    def abort(self) -> None:
        """Make the calls in progress, and all later ones, fail with ServerUnreachable at once."""
        self.client.abort()
        self.stop_asking()

    def stop_asking(self) -> None:
        """Stop requests for the server's nodes and queue only."""
        with self._lock:
            self._closed.set()
        self.give_up_asking()

    def wait_until_closed(self, seconds: float) -> bool:
        """Wait for `stop_asking`, for at most this many seconds, and return whether it was
        called."""
        return self._closed.wait(seconds)

    def give_up_asking(self) -> None:
        """Make pending requests for nodes and queue fail with ServerUnreachable at once."""
        with self._lock:
            asking = self._asking
            if not self._closed.is_set():
                self._asking = self.client.fork()
        asking.abort()

    def look_at_queue(self) -> None:
        """Update the number of other clients' prompts from the server's queue, 0 if unknown. Never
        raises ComfyError."""
        with self._lock:
            asking = self._asking
        try:
            queue = asking.queue()
        except ComfyError:
            queue = Queue((), ())
        with self._lock:
            self._of_others = {*queue.running, *queue.pending}.difference(self._ours)

    def leave_behind(self, prompt_id: str) -> None:
        """Remember a prompt that moves to another server because this one doesn't answer. It is
        canceled here once the server is back."""
        with self._lock:
            self._left.append(prompt_id)

    @property
    def left(self) -> tuple[str, ...]:
        """Return the prompts that were left behind and aren't canceled yet."""
        with self._lock:
            return tuple(self._left)

    def cancel_left(self) -> None:
        """Cancel the prompts that were left behind. Never raises ComfyError: on failure they stay
        for the next try."""
        for prompt_id in self.left:
            try:
                self.client.cancel(prompt_id)
            except ComfyError as problem:
                log.info("%s: can't cancel prompt %s: %s", self.url, prompt_id, problem)
                return
            with self._lock:
                self._left.remove(prompt_id)
