"""One ComfyUI: how to reach it, what it can do, and what has become of prompts there."""

from __future__ import annotations

import logging
import threading
from collections import deque
from weakref import WeakValueDictionary

from comfy.base.errors import ComfyError
from comfy.comfyui.client.client import Client
from comfy.comfyui.object_info import Catalogue
from comfy.comfyui.protocol.parse import WarnOnce
from comfy.comfyui.protocol.responses import Queue
from comfy.comfyui.servers.needs import Needs

log = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0  # a ComfyUI that loads a model may take a few


class EndedPrompts:
    """The last few prompts that ran to their end; a server that still knows one of them was not
    restarted since. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: deque[str] = deque(maxlen=3)

    def add(self, prompt_id: str) -> None:
        """Note that this prompt is done, or has failed."""
        with self._lock:
            self._ids.append(prompt_id)

    def ids(self) -> tuple[str, ...]:
        """Their ids, oldest first."""
        with self._lock:
            return tuple(self._ids)


class ComfyServer:
    """One of the servers of a pool. Any thread may call it; only `fetch_nodes`, `check`,
    `look_at_queue`, `free` and `cancel_left` wait for the server."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._asking = client.fork()  # for its nodes and its queue
        self._closed = False
        self.ended = EndedPrompts()
        self.skipped = WarnOnce()
        self._lock = threading.Lock()
        self._up = True
        self._gone_since_asked = False
        self._drained = False
        self._nodes: Catalogue | None = None
        self._last: Needs | None = None
        self._of_others: set[str] = set()
        self._ours: deque[str] = deque(maxlen=100)  # more than are in its queue at once
        self._left: list[str] = []
        self._recheck = threading.Event()
        self._uploading = WeakValueDictionary[str, threading.Lock]()

    @property
    def url(self) -> str:
        """Its address, without a login: what records know it by."""
        return self.client.address.url

    @property
    def place(self) -> str:
        """Return the address without the scheme, for administrators."""
        return self.client.address.place

    @property
    def up(self) -> bool:
        """Tell if it answered the last check; True before the first."""
        return self._up

    @property
    def drained(self) -> bool:
        """An operator wants it to take no more runs; it ends those that it has."""
        return self._drained

    @drained.setter
    def drained(self, value: bool) -> None:
        with self._lock:
            self._drained = value

    @property
    def nodes(self) -> Catalogue | None:
        """Its node classes as it last told them; None where it never has."""
        return self._nodes

    def unfit_inputs(self, needs: Needs) -> int | None:
        """See `Needs.unfit_inputs`; None where its nodes are not known."""
        nodes = self._nodes
        return None if nodes is None else needs.unfit_inputs(nodes)

    def can_do(self, needs: Needs) -> bool:
        """Tell if it meets a prompt's requirements, as far as known."""
        nodes = self._nodes
        return nodes is None or needs.met_by(nodes)

    def familiarity(self, needs: Needs) -> tuple[int, int]:
        """Return how much of a prompt its last one prepared: models in memory, and nodes with
        cached results."""
        last = self._last
        if last is None:
            return 0, 0
        return len(last.models & needs.models), len(last.cache_keys & needs.cache_keys)

    @property
    def prompts_of_others(self) -> int:
        """Return the number of other clients' prompts in its queue at the last look, including the
        running one; 0 if unknown."""
        return len(self._of_others)

    def took(self, needs: Needs, prompt_id: str) -> None:
        """It has accepted this prompt, which has these needs."""
        with self._lock:
            self._last = needs
            self._ours.append(prompt_id)
            self._of_others.discard(prompt_id)

    def uploading(self, folder: str) -> threading.Lock:
        """To be held while this folder for files that several runs share gets one, or loses it."""
        with self._lock:
            return self._uploading.setdefault(folder, threading.Lock())

    def free(self) -> None:
        """Have it free its memory, so that nothing is there that a next prompt could use again;
        ServerUnreachable, ServerError."""
        self.client.free()
        with self._lock:
            self._last = None

    def fetch_nodes(self) -> Catalogue:
        """Ask for its node classes; ServerUnreachable, also where a `check` finds meanwhile that it
        does not answer, ServerError."""
        with self._lock:
            asking = self._asking
        raw = asking.object_info()
        with self._lock:
            if self._nodes is None or self._nodes.raw != raw:
                self._nodes = Catalogue(raw)
            return self._nodes

    def recheck(self, *, gone: bool = False) -> None:
        """A call had no answer: it is asked soon. `gone`: until then nothing is handed to it."""
        if gone:
            with self._lock:
                self._up, self._gone_since_asked = False, True
        self._recheck.set()

    def wait_for_recheck(self, seconds: float) -> None:
        """Until it is to be asked soon, so long at most."""
        self._recheck.wait(seconds)

    def check(self, *, timeout: float = ANSWER_SECONDS) -> bool:
        """Check the server, in at most this many seconds; a failure found meanwhile counts until
        the next check. ServerUnreachable at shutdown."""
        self._recheck.clear()
        with self._lock:
            self._gone_since_asked = False
        answers = self.client.answers(timeout=timeout)
        with self._lock:
            self._up = answers and not self._gone_since_asked
        if not answers:
            self.give_up_asking()
        return answers

    def abort(self) -> None:
        """Make the calls in progress, and all later ones, fail with ServerUnreachable at once."""
        self.client.abort()
        self.stop_asking()

    def stop_asking(self) -> None:
        """Stop only the requests for its nodes and its queue."""
        with self._lock:
            self._closed = True
        self.give_up_asking()

    def give_up_asking(self) -> None:
        """Make those that are under way fail with ServerUnreachable at once."""
        with self._lock:
            asking = self._asking
            if not self._closed:
                self._asking = self.client.fork()
        asking.abort()

    def look_at_queue(self) -> None:
        """Ask what others have it do. Never raises ComfyError: then nothing is known of that."""
        with self._lock:
            asking = self._asking
        try:
            queue = asking.queue()
        except ComfyError:
            queue = Queue((), ())
        with self._lock:
            self._of_others = {*queue.running, *queue.pending}.difference(self._ours)

    def leave_behind(self, prompt_id: str) -> None:
        """A prompt that goes to another server, since this one does not answer: it is cancelled
        here when it does."""
        with self._lock:
            self._left.append(prompt_id)

    def cancel_left(self) -> None:
        """Cancel what was left behind. Never raises ComfyError: what fails stays left behind."""
        with self._lock:
            left, self._left = self._left, []
        for at, prompt_id in enumerate(left):
            try:
                self.client.cancel(prompt_id)
            except ComfyError as problem:
                log.info("%s was not told to cancel %s: %s", self.url, prompt_id, problem)
                with self._lock:
                    self._left.extend(left[at:])
                return
