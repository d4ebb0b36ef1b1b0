"""The app's ComfyUI servers: which ones answer, and which can run a prompt.

A single server gets no background checks. With several servers, a thread per server checks it
regularly, so that no run goes to an unreachable one.

Threads that check the servers of a pool.

Merge the `/object_info` responses of several servers into one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

from comfy.base.errors import ComfyError, ServerError, ServerUnreachable, TooManyThreads
from comfy.base.json_values import as_list, as_mapping
from comfy.base.messages import message
from comfy.base.threads import Callbacks, in_threads, start_thread
from comfy.comfyui.client.client import Client
from comfy.comfyui.client.view import FileResponse
from comfy.comfyui.input_spec import DIFFERS
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.run_state import RunError
from comfy.comfyui.servers.needs import ChoiceField, Conflict, Needs, conflicts
from comfy.comfyui.servers.server import ANSWER_SECONDS, ComfyServer

log = logging.getLogger(__name__)
_SECTIONS = ("required", "optional")
_STARTING = message("ComfyUI is starting. This can take a few minutes.")
_DOES_NOT_START = message("ComfyUI doesn't start. Its log has the reason.")
_BY_ITSELF = message("This page continues as soon as ComfyUI answers.")
_SOME_FAILURES = 3  # failed starts in a row that are worth a word to users


@dataclass(frozen=True, slots=True)
class CheckPauses:
    """Seconds between checks of a server: `up` while it answers, `recheck` after a failed call,
    `away` while it doesn't answer. It counts as away after `limit` seconds without an answer."""

    up: float = 10.0
    recheck: float = 0.5
    away: float = 2.0
    limit: float = ANSWER_SECONDS


class ServerChecks:
    """A thread for each server, which checks whether it answers, and fetches its nodes when it
    comes back. Thread-safe."""

    def __init__(self, pauses: CheckPauses, changed: Callable[[], None]) -> None:
        """`changed` is called after a server has gone down or come back."""
        self._pauses, self._changed = pauses, changed
        self._threads: dict[ComfyServer, threading.Thread] = {}

    def start(self, server: ComfyServer) -> None:
        """Check a server from now on. Raises TooManyThreads."""
        if server in self._threads:
            return
        server.client.on_unreachable(server.recheck)
        watch = threading.Thread(target=self._watch, args=(server,), name="server", daemon=True)
        start_thread(watch)
        self._threads[server] = watch

    def stop(self, servers: Iterable[ComfyServer]) -> None:
        """Check these servers no longer; wait for their threads."""
        stopped = tuple(servers)
        for server in stopped:
            server.stop_asking()
            server.recheck()
        for server in stopped:
            if (thread := self._threads.pop(server, None)) is not None:
                thread.join()

    def _watch(self, server: ComfyServer) -> None:
        # A server may hang again right after it comes back, so its nodes are fetched in a separate
        # thread from the checks.
        with ThreadPoolExecutor(1, "nodes") as beside:
            self._keep_looking(server, beside)

    def _keep_looking(self, server: ComfyServer, beside: ThreadPoolExecutor) -> None:
        pauses, up = self._pauses, True
        while not server.wait_until_closed(0):
            try:
                up = self._look_at(server, beside, was_reported_up=up)
            except ServerUnreachable:
                return
            except Exception:
                log.exception("Checking ComfyUI at %s failed with an internal error", server.url)
            if server.wait_until_closed(pauses.recheck if up else pauses.away):
                return  # `check` may have cleared the `recheck` that shutdown set
            if up:
                server.wait_for_recheck(pauses.up - pauses.recheck)

    def _look_at(
        self, server: ComfyServer, beside: ThreadPoolExecutor, *, was_reported_up: bool
    ) -> bool:
        """Check the server and return whether it is up. Raises ServerUnreachable at shutdown."""
        was_up = server.up  # a run may have marked it as down without notifying the listeners
        up = server.check(timeout=self._pauses.limit)
        if up != was_reported_up:
            status = "answers again" if up else "does not answer"
            log.warning("ComfyUI at %s %s.", server.url, status)
        if up != was_reported_up or up != was_up:
            try:
                beside.submit(self._tell, server)
            except RuntimeError:  # no thread can be started
                self._tell(server)
        if up:
            server.cancel_left()
            server.look_at_queue()
        return up

    def _tell(self, server: ComfyServer) -> None:
        try:
            if server.up:
                _fetch_problem(server)  # it may be running another version now
        except Exception:
            log.exception("Can't read the nodes of ComfyUI at %s", server.url)
        self._changed()


def _fetch_problem(server: ComfyServer) -> ComfyError | None:
    """Fetch the server's nodes and return the error, None if it succeeded."""
    try:
        server.fetch_nodes()
    except ComfyError as problem:
        return problem
    return None


def merged(catalogs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return every server's node classes, each as the first server describes it. Choice lists
    contain all servers' choices and mark differences. Doesn't change its arguments."""
    node_classes: dict[str, Any] = {}
    for catalog in catalogs:
        for class_type, node in catalog.items():
            known = node_classes.get(class_type)
            same = known is None or known == node or not isinstance(node, dict)
            node_classes[class_type] = (known or node) if same else _node(as_mapping(known), node)
    return node_classes


def _node(first: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    inputs = as_mapping(first.get("input"))
    others = as_mapping(other.get("input"))
    sections = {
        name: _inputs(as_mapping(inputs[name]), as_mapping(others.get(name)))
        for name in _SECTIONS
        if name in inputs
    }
    return {**first, "input": {**inputs, **sections}}


def _inputs(first: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _spec(spec, other.get(name)) for name, spec in first.items()}


def _spec(first: object, other: object) -> object:
    """Merge one input's choice lists, in either spelling (docs/comfyui.md#25)."""
    ours, theirs = _choices(first), _choices(other)
    if ours is None or theirs is None or ours == theirs:
        return first
    head, *rest = as_list(first)
    both = [*ours, *(one for one in theirs if one not in ours)]
    options = {**(as_mapping(rest[0]) if rest else {})}
    if len(both) > len(ours) or any(one not in theirs for one in ours):
        options[DIFFERS] = True
    if isinstance(head, list):
        return [both, options, *rest[1:]]
    return [head, {**options, "options": both}, *rest[1:]]


def _choices(spec: object) -> list[Any] | None:
    """Return an input's choices; None if it isn't a plain list."""
    match spec:
        case [list() as choices, *_]:
            return choices
        case ["COMBO", {"options": [*choices]}, *_]:
            return choices
        case _:
            return None


class SharedDrains(Protocol):
    """Drained servers of all processes. All methods raise ComfyError."""

    def write(self, url: str, *, drained: bool) -> None:
        """Drain a server in all processes, or take it back."""

    def read(self) -> set[str]:
        """Return the addresses of the drained servers."""


class ServerPool:
    """At least one server. Thread-safe. Leaving the `with` block stops pending requests; the
    creator closes the clients."""

    def __init__(
        self,
        *clients: Client,
        pauses: CheckPauses | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        """`limits`: the maximum number of prompts on a server at once, by address. Without a limit
        the caller decides."""
        self.servers = tuple(ComfyServer(client, at) for at, client in enumerate(clients))
        limit_by_url = limits or {}
        self.limits: Mapping[ComfyServer, int] = {
            one: limit_by_url[one.url] for one in self.servers if one.url in limit_by_url
        }
        self._listeners = Callbacks[[]]()
        self._checks = ServerChecks(pauses or CheckPauses(), self._listeners.call)
        self._shared_drains: SharedDrains | None = None
        self._draining = threading.Lock()  # held while the database answers
        self._unreachable: list[Callable[[], None]] = []
        self._changing = threading.Lock()  # held while servers are added or removed
        self._open = False

    def __enter__(self) -> ServerPool:
        with self._changing:
            self._open = True
            self._start_checks()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        with self._changing:
            self._open = False
        self._checks.stop(self.servers)

    def _start_checks(self) -> None:
        """Start the missing checks, if there are several servers."""
        for server in self.servers if len(self.servers) > 1 else ():
            self._checks.start(server)

    def add(self, server: ComfyServer, limit: int | None = None) -> None:
        """Send runs to another server, too. `limit`: see the constructor. Raises TooManyThreads."""
        with self._changing:
            if not self._open:
                return
            before = self.servers, self.limits
            self.servers = (*self.servers, server)
            if limit is not None:
                self.limits = {**self.limits, server: limit}
            try:
                self._start_checks()
            except TooManyThreads:
                self.servers, self.limits = before
                raise
            for call in self._unreachable:
                server.client.on_unreachable(call)
        self._listeners.call()

    def remove(self, server: ComfyServer) -> None:
        """Forget a server, except the last one. The caller closes its client."""
        with self._changing:
            left = tuple(one for one in self.servers if one is not server)
            if not left:
                return
            self.servers = left
            self.limits = {one: limit for one, limit in self.limits.items() if one in left}
        self._checks.stop([server])
        self._listeners.call()

    @property
    def short_name(self) -> str:
        if len(self.servers) == 1:
            return self.servers[0].client.address.short_name
        return message("{count} servers", count=len(self.servers))

    @property
    def paused(self) -> bool:
        return all(one.drained for one in self.servers)

    @property
    def available(self) -> int:
        """Return the number of servers that answer and aren't drained."""
        return sum(one.up and one.takes_runs for one in self.servers)

    @property
    def shown(self) -> bool:
        """Return whether messages may show users the addresses."""
        return all(one.client.address.shown for one in self.servers)

    def width_for(self, needs: Needs) -> int:
        """Return the number of servers that answer, aren't drained and can run a prompt; at least
        1."""
        return sum(one.up and one.takes_runs for one in self._able(needs)) or 1

    def on_change(self, call: Callable[[], None]) -> None:
        """Register a callback for servers that go down, come back, are drained, taken back, added
        or removed. Any thread may call it, so it must return quickly."""
        self._listeners.add(call)

    def on_unreachable(self, call: Callable[[], None]) -> None:
        """Register a callback for requests without a response; see `Client.on_unreachable`."""
        with self._changing:
            self._unreachable.append(call)
            for server in self.servers:
                server.client.on_unreachable(call)

    def numbered(self, number: int) -> ComfyServer | None:
        """Return the server with this number, or None."""
        return next((server for server in self.servers if server.number == number), None)

    def at(self, url: str) -> ComfyServer | None:
        """Return the server with this address, or None."""
        return next((server for server in self.servers if server.url == url), None)

    def note_ended(self, prompts: Iterable[tuple[str, str]]) -> None:
        """Note prompts that finished before the app started, newest last: the server's address and
        the prompt's id."""
        for url, prompt_id in prompts:
            if server := self.at(url):
                server.ended.add(prompt_id)

    def candidates(self, needs: Needs) -> Sequence[ComfyServer]:
        """Return the servers for a prompt now, best first.

        These are the servers that meet its requirements and answer. They are sorted by fewest
        prompts of other clients, then by models in memory, then by cached results. If none of them
        answers, return every server that meets the requirements. If no server meets them, return
        every server that the user may use, so that one reports the missing part. Drained and
        starting servers are left out: a prompt that needs one waits.
        """
        able = [one for one in self._able(needs) if one.takes_runs]
        up = [one for one in able if one.up] or able
        if len(up) == 1:
            return up
        return sorted(
            up, key=lambda one: (-one.prompts_of_others, one.familiarity(needs)), reverse=True
        )

    def must_wait(self, needs: Needs) -> bool:
        """Return whether `candidates` would be empty, at lower cost."""
        return not any(one.takes_runs for one in self._able(needs))

    def has_other(self, server: ComfyServer, needs: Needs) -> bool:
        """Return whether another available server meets a prompt's requirements."""
        others = (one for one in self._that_have(needs) if one is not server)
        return any(one.up and one.takes_runs for one in others)

    def _able(self, needs: Needs) -> Sequence[ComfyServer]:
        return self._that_have(needs) or self._allowed(needs)

    def _allowed(self, needs: Needs) -> Sequence[ComfyServer]:
        """Return the servers that the user of a prompt may use."""
        names = needs.servers
        return (
            self.servers if names is None else [one for one in self.servers if one.label in names]
        )

    def _that_have(self, needs: Needs) -> Sequence[ComfyServer]:
        """Return the servers that meet a prompt's requirements, except servers that would ignore or
        refuse more of its inputs than others."""
        allowed = self._allowed(needs)
        if len(allowed) <= 1:
            return allowed
        unfit_inputs = [(one, one.unfit_inputs(needs)) for one in allowed if one.can_do(needs)]
        least = min((count for _, count in unfit_inputs if count is not None), default=None)
        return [one for one, count in unfit_inputs if count in (None, least)]

    def conflicts(self, needs: Needs, fields: Collection[ChoiceField]) -> tuple[Conflict, ...]:
        """See `comfy.comfyui.servers.needs.conflicts`. () unless every server's nodes are
        known."""
        allowed = self._allowed(needs)
        if len(allowed) <= 1:
            return ()
        known = {one.place: one.nodes for one in allowed}
        catalogs = {name: nodes for name, nodes in known.items() if nodes is not None}
        return conflicts(needs, fields, catalogs) if len(catalogs) == len(known) else ()

    def drain(self, server: ComfyServer) -> None:
        """Send the server no more runs until `take_back` or a restart of the app. Its current runs
        continue. Raises ComfyError if other processes can't be told."""
        self._set_drained(server, drained=True)

    def take_back(self, server: ComfyServer) -> None:
        """Send the server runs again, starting with those that are waiting for it. Raises
        ComfyError if other processes can't be told."""
        self._set_drained(server, drained=False)

    def hold(self, server: ComfyServer, end: RunError | None = None, failures: int = 0) -> None:
        """Send the server no runs until `release`, because the app starts it. `end` and `failures`:
        see `ComfyServer.note_start`."""
        server.note_start(end, failures)
        self._listeners.call()

    def release(self, server: ComfyServer) -> None:
        """Send the server runs, because it answers."""
        server.note_ready()
        server.recheck()  # fetches its nodes if there are several servers
        self._listeners.call()

    def expire_lists(self) -> None:
        """Have callers ask for nodes, models and choices again, because a server may have others
        soon."""
        self._listeners.call()

    def update_list(self, server: ComfyServer) -> None:
        """Fetch the server's nodes, models and choices now, for all forms. Raises
        ServerUnreachable or ServerError."""
        server.fetch_nodes()
        self._listeners.call()

    @property
    def start_words(self) -> str:
        """Return the sentence for users while the app starts a ComfyUI and no other server takes
        runs; "" otherwise."""
        failures = [one.start_failures for one in self.servers if one.starting]
        if not failures or self.available:
            return ""
        return _STARTING if min(failures) < _SOME_FAILURES else _DOES_NOT_START

    def _set_drained(self, server: ComfyServer, *, drained: bool) -> None:
        with self._draining:
            if self._shared_drains is not None:
                self._shared_drains.write(server.url, drained=drained)
            server.drained = drained
        _log_drained(server)
        self._listeners.call()

    def share_drained(self, drains: SharedDrains) -> None:
        """Drain servers in all processes, also after a restart of this one."""
        self._shared_drains = drains

    def refresh_drained(self) -> None:
        """Drain and take back the servers that other processes have. Raises ComfyError."""
        if self._shared_drains is None:
            return
        with self._draining:
            drained = self._shared_drains.read()
            changed = [one for one in self.servers if one.drained != (one.url in drained)]
            for server in changed:
                server.drained = not server.drained
                _log_drained(server)
        if changed:
            self._listeners.call()

    def answers(self) -> bool:
        """Return whether any server answers. A single server is checked now; for several servers
        the last check counts. Raises ServerUnreachable if the request was aborted."""
        if len(self.servers) == 1:
            return self.servers[0].client.answers(timeout=ANSWER_SECONDS)
        return any(one.up for one in self.servers)

    def object_info(self) -> dict[str, Any]:
        """Return the node classes and choices of all servers, merged into one catalog.

        A server that doesn't answer counts with its last known nodes, and the call doesn't wait for
        it any longer once it is found down. Raises ServerUnreachable or ServerError if no server's
        nodes are known, and TooManyThreads if several servers can't be queried at once.
        """
        if len(self.servers) == 1:
            if words := self.start_words:
                raise ServerUnreachable(words, _BY_ITSELF)
            return self.servers[0].client.object_info()
        servers = [one for one in self.servers if one.up] or self.servers
        for server in servers:
            server.recheck()
        give_up = ComfyServer.give_up_asking
        results = in_threads(_fetch_problem, servers, name="nodes", give_up=give_up)
        problems = [one for one in results if one is not None]
        known = [one.nodes.raw for one in self.servers if one.nodes is not None]
        if not known:
            raise problems[0]
        return merged(known)

    def definitions(self, workflow: Mapping[str, Any]) -> dict[str, Any]:
        """See `Client.definitions`. Empty if there are several servers, so that a workflow for a
        real one isn't sent to a stand-in."""
        return self.servers[0].client.definitions(workflow) if len(self.servers) == 1 else {}

    @contextmanager
    def view(
        self, file: OutputFile, *, range_header: str | None = None, at: str = ""
    ) -> Iterator[FileResponse]:
        """Open a file on the server with the address `at`, otherwise on the first server that has
        it. Raises like `Client.view`."""
        named = [one for one in self.servers if one.url == at]
        *others, last = named or sorted(self.servers, key=lambda one: one.up, reverse=True)
        with ExitStack() as stack:
            for server in others:
                with suppress(ServerError, ServerUnreachable):
                    answer = server.client.view(file, range_header=range_header)
                    opened = stack.enter_context(answer)
                    break
            else:
                opened = stack.enter_context(last.client.view(file, range_header=range_header))
            yield opened

    def abort(self) -> None:
        """Make the calls in progress, and all later ones, fail with ServerUnreachable at once."""
        for server in self.servers:
            server.abort()


def _log_drained(server: ComfyServer) -> None:
    log.info(
        "ComfyUI at %s %s.", server.url, "is draining" if server.drained else "accepts runs again"
    )
