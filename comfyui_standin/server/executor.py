"""Prompt execution: one worker thread, events in the recorded order, and results cached for the
next prompt.

Order of a prompt's nodes, and the signatures that tell which earlier results can be reused.

Loops: copies of the nodes between `StartLoop` and `EndLoop`, one per iteration
(docs/comfyui.md#57).

The real server creates them when it reaches the start; here they exist before the run. Clients
can't see the difference, since they only hear of nodes that run.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
import traceback
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any

from PIL import Image

from comfyui_standin.nodes.base import (
    Interrupted,
    Listed,
    NodeClass,
    NodeFailure,
    NodeInfo,
    NodeResult,
    RawPrompt,
    Speed,
    is_link,
    pause,
)
from comfyui_standin.nodes.loops import iterations
from comfyui_standin.nodes.motion import Pan
from comfyui_standin.server.newer import Assets
from comfyui_standin.server.prompt_queue import PromptQueue, QueueItem
from comfyui_standin.server.sockets import NodeText, PreviewMessage, Sockets, TextMessage
from comfyui_standin.storage import Storage

_CACHED_RESULTS, _CACHED_BYTES = 64, 8 * 1024**2
_MOST_BYTES = 768 * 1024**2  # of the values that a run in a demo holds
_SLOW_STEPS = 40  # as a run's time runs out, its steps get shorter
_PREVIEW_METHODS = frozenset({"auto", "latent2rgb", "taesd"})
# Iterations of a loop in a demo: of one whose number is calculated, and of any. Loops are nested.
_UNCOUNTED, _MOST_ITERATIONS = 2, 4
_START, _END = "StartLoop", "EndLoop"


class Signatures:
    """Per-node signatures that decide whether a cached result is valid. Computed once per run."""

    def __init__(self, prompt: RawPrompt, nodes: Mapping[str, NodeClass], storage: Storage) -> None:
        self._prompt = prompt
        self._nodes = nodes
        self._storage = storage
        self._known: dict[str, str] = {}

    def of(self, node_id: str) -> str:
        """Return the signature, equal for nodes with the same result. A node in a cycle or with a
        broken link has its own."""
        if node_id not in self._known:
            self._known[node_id] = f"unfinished {node_id}"
            self._known[node_id] = self._compute(node_id)
        return self._known[node_id]

    def _compute(self, node_id: str) -> str:
        node = self._prompt[node_id]
        values = node.get("inputs") or {}  # only nodes that lead to an output have been validated
        inputs = {
            name: [self.of(value[0]), value[1]]
            if is_link(value) and value[0] in self._prompt
            else value
            for name, value in sorted(values.items())
        }
        fingerprint = self._nodes[node["class_type"]].fingerprint
        seen = fingerprint(self._storage, values) if fingerprint is not None else ""
        text = json.dumps([node["class_type"], inputs, seen])
        return hashlib.sha256(text.encode()).hexdigest()


def order(
    prompt: RawPrompt,
    nodes: Mapping[str, NodeClass],
    storage: Storage,
    outputs: tuple[str, ...],
    results: Mapping[str, NodeResult | None],
) -> list[str]:
    """Return the execution order of nodes, optimized for early results.

    Among the nodes whose inputs are ready, an output comes first, then a node that feeds an output
    directly, then one two links away. On ties, the node discovered first on the way back from the
    outputs comes first (as recorded).
    """
    needs: dict[str, set[str]] = {}
    for output in outputs:
        stack = [output]
        while stack:
            node_id = stack.pop()
            if node_id in needs:
                continue
            node = prompt[node_id]
            idle = unneeded(nodes[node["class_type"]].describe(storage), node["inputs"], prompt)
            named = ((name, value) for name, value in node["inputs"].items() if is_link(value))
            links = [value[0] for name, value in named if name not in idle]
            missing = (
                [source for source in links if results[source] is None]
                if results[node_id] is None
                else []
            )
            needs[node_id] = set(missing)
            stack += missing
    is_output = {one: _saves(nodes[prompt[one]["class_type"]], storage) for one in needs}
    users = defaultdict[str, list[str]](list)
    for one, sources in needs.items():
        for source in sources:
            users[source].append(one)

    def distance(node_id: str, reach: int = 2) -> int:
        if is_output[node_id]:
            return 0
        if reach == 0:
            return 1
        return 1 + min((distance(one, reach - 1) for one in users[node_id]), default=reach)

    distances = {one: distance(one) for one in needs}
    ordered: dict[str, None] = {}
    waiting = list(needs)  # as discovered
    while waiting:
        ready = (one for one in waiting if needs[one] <= ordered.keys())
        following = min(ready, key=distances.__getitem__)
        ordered[following] = None
        waiting.remove(following)
    return [*ordered]


def unneeded(entry: NodeInfo, inputs: Mapping[str, Any], prompt: RawPrompt) -> frozenset[str]:
    """Return the lazy inputs that a switch doesn't pass on. Its value must be in the prompt, itself
    or as a primitive's; otherwise all inputs are needed."""
    specs = {**entry["input"].get("required", {}), **entry["input"].get("optional", {})}
    lazy = [name for name, config in specs.items() if len(config) > 1 and config[1].get("lazy")]
    switch = next((name for name, config in specs.items() if config[0] == "BOOLEAN"), "")
    if not lazy or not switch:
        return frozenset()
    value = _literal(prompt, inputs.get(switch))
    if not isinstance(value, bool):
        return frozenset()
    other = "false" if value else "true"
    return frozenset(name for name in lazy if other in name)


def _literal(prompt: RawPrompt, value: object) -> object:
    """Return a value, or the primitive's that it is linked to."""
    for _ in prompt:
        if not (isinstance(value, list) and is_link(value)):
            break
        inputs = prompt[value[0]].get("inputs") or {}
        if "value" not in inputs:
            break
        value = inputs["value"]
    return value


def _saves(node_class: NodeClass, storage: Storage) -> bool:
    return bool(node_class.describe(storage)["output_node"])


@dataclass(slots=True)
class Expansion:
    """A prompt with its loops' copies: the outputs to run, and for each copy the node that it
    stands for and the node that created it."""

    prompt: RawPrompt = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    displays: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)

    def shown(self, node_id: str) -> str:
        """Return the node of the prompt that a node stands for."""
        while node_id in self.displays:
            node_id = self.displays[node_id]
        return node_id

    def real(self, node_id: str) -> str:
        """Return the node of the prompt that created a node."""
        while node_id in self.parents:
            node_id = self.parents[node_id]
        return node_id

    def about(self, node_id: str) -> Mapping[str, str | None]:
        """Return a node's ids as previews name them."""
        return {
            "node_id": node_id,
            "display_node_id": self.shown(node_id),
            "parent_node_id": self.parents.get(node_id),
            "real_node_id": self.real(node_id),
        }


def expanded(
    prompt: RawPrompt, outputs: tuple[str, ...], nodes: Mapping[str, NodeClass], storage: Storage
) -> Expansion:
    """Return the prompt with all loops expanded, outer loops first."""
    expansion = Expansion(dict(prompt), outputs)
    done: set[str] = set()
    while (start := next(_starts(expansion.prompt, done), None)) is not None:
        done.add(start)
        body, end = _body(expansion.prompt, start)
        if end is not None:
            _expand(expansion, start, body, end, open_mode=storage.paints)
    if done:
        made = (one for one in expansion.prompt if one in expansion.displays)
        expansion.outputs = (
            *(one for one in outputs if one in expansion.prompt),
            *(one for one in made if _saves(nodes[expansion.prompt[one]["class_type"]], storage)),
        )
    return expansion


def _starts(prompt: RawPrompt, done: set[str]) -> Iterator[str]:
    """Yield the loops to expand. A loop inside another one is expanded in the other one's
    copies."""
    starts = [one for one, node in prompt.items() if node["class_type"] == _START]
    inner = {one for start in starts if start not in done for one in _body(prompt, start)[0]}
    return (one for one in starts if one not in done and one not in inner)


def _body(prompt: RawPrompt, start: str) -> tuple[set[str], str | None]:
    """Return the nodes between a loop's start and its end, and the end."""
    seen: set[tuple[str, int]] = set()
    todo, end = [(start, 0)], None
    while todo:
        node_id, depth = todo.pop()
        class_type = prompt[node_id]["class_type"]
        if class_type == _END and depth == 1:
            end = node_id
            continue
        if (node_id, depth) in seen:
            continue
        seen.add((node_id, depth))
        after = depth + (class_type == _START) - (class_type == _END)
        todo += [(user, after) for user in prompt if node_id in _sources(prompt[user])]
    return {node_id for node_id, _ in seen} - {start}, end


def _sources(node: Mapping[str, Any]) -> set[str]:
    return {value[0] for value in (node.get("inputs") or {}).values() if is_link(value)}


def _expand(expansion: Expansion, start: str, body: set[str], end: str, *, open_mode: bool) -> None:
    """Replace a loop's body with its copies."""
    prompt = expansion.prompt
    originals = {node_id: prompt.pop(node_id) for node_id in sorted(body)}
    ending = dict(prompt[end]["inputs"])
    carry = prompt[start]["inputs"].get("initial_iteration_value")
    given = prompt[start]["inputs"]
    if open_mode:
        given = {name: _literal(prompt, value) for name, value in given.items()}
        values = iterations(given, _UNCOUNTED)[:_MOST_ITERATIONS]
    else:
        values = iterations(given)
    results: list[Any] = []
    before: list[Any] = []
    progress: list[Any] = []
    for position, value in enumerate(values):
        opener = f"{start}.0.0.iteration_{position}"
        prompt[opener] = {
            "class_type": "LoopIteration",
            "inputs": {
                "iteration_index": value,
                "is_first": position == 0,
                "is_last": position == len(values) - 1,
                "current_iteration_value": carry,
                "start": [start, 0],
                **{f"dependency{number}": link for number, link in enumerate(before)},
            },
        }
        names = {node_id: f"{start}.0.0.{position}_{node_id}" for node_id in originals}
        names[start] = opener
        for node_id, node in originals.items():
            prompt[names[node_id]] = {**node, "inputs": _relinked(node["inputs"], names)}
            expansion.displays[names[node_id]] = node_id
            expansion.parents[names[node_id]] = start
        ends = _relinked(ending, names)
        results.append(ends.get("output_value"))
        carry = ends.get("next_iteration_value", carry)
        used = ("output_value", "next_iteration_value", "termination")
        before = [one for name, one in ends.items() if name.startswith(used) and is_link(one)]
        told = f"{start}.0.0.progress_{position}"
        about = {"start_id": expansion.shown(start), "position": position + 1, "total": len(values)}
        linked = {f"dependency{number}": link for number, link in enumerate([*before, *progress])}
        prompt[told] = {"class_type": "LoopProgress", "inputs": {**about, **linked}}
        progress = [[told, 0]]
        for made in (opener, told):
            expansion.displays[made] = expansion.parents[made] = start
    shown = results if ending.get("accumulate") else results[-1:]
    kept = {"accumulate": ending.get("accumulate", False)}
    linked = {f"dependency{number}": link for number, link in enumerate([*before, *progress])}
    outputs = {f"output{number}": one for number, one in enumerate(shown)}
    prompt[end] = {**prompt[end], "inputs": {**kept, **outputs, **linked}}


def _relinked(inputs: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: [names.get(value[0], value[0]), value[1]] if is_link(value) else value
        for name, value in inputs.items()
    }


def weight(value: object, seen: set[int]) -> int:
    """Return about how many bytes a value on a link takes in memory. `seen`: images to leave out,
    by `id`; the images of the value are added."""
    match value:
        case Image.Image() if id(value) in seen:
            return 0
        case Image.Image():
            seen.add(id(value))
            return value.width * value.height * (1 if value.mode == "L" else 4)  # as Pillow does
        case Pan():
            return 2 * (weight(value.image, seen) + weight(value.last, seen))
        case bytes():
            return len(value)
        case Mapping():
            return sum(weight(one, seen) for one in value.values())
        case tuple():
            return sum(weight(one, seen) for one in value)
        case _ if is_dataclass(value):
            return sum(weight(getattr(value, one.name), seen) for one in fields(value))
        case _:
            return 64


class Cache:
    """Cache of the newest results by signature: same class, inputs, ancestors and files. Limited in
    results and bytes."""

    def __init__(self, size: int = _CACHED_RESULTS, most_bytes: int = _CACHED_BYTES) -> None:
        self._size, self._most_bytes = size, most_bytes
        self._entries: OrderedDict[str, NodeResult] = OrderedDict()

    def get(self, signature: str) -> NodeResult | None:
        """Return the cached result for this signature, or None."""
        result = self._entries.get(signature)
        if result is not None:
            self._entries.move_to_end(signature)
        return result

    def put(self, signature: str, result: NodeResult) -> None:
        """Cache a result. The least recently used results make room."""
        self._entries[signature] = result
        while len(self._entries) > self._size or _bytes(self._entries.values()) > self._most_bytes:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        self._entries.clear()


@dataclass(slots=True)
class _Failure(Exception):
    """Failure or interruption of a node, with the event's name and data."""

    event: str
    data: dict[str, Any]


class Worker:
    """Runs the queue's prompts one at a time, in its own thread."""

    def __init__(  # noqa: PLR0913 - what the thread works with
        self,
        queue: PromptQueue,
        sockets: Sockets,
        storage: Storage,
        speed: Speed,
        *,
        previews: bool,
        assets: Assets | None = None,
        metadata: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._queue = queue
        self._sockets = sockets
        self._storage = storage
        self._speed = speed
        self._previews = previews
        self._assets = assets
        self._metadata = metadata
        self._cache = Cache()
        self._thread = threading.Thread(target=self._work, name="comfy-demo-worker")

    def start(self) -> None:
        """Start the thread that processes the queue."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the thread. Close the queue first."""
        self._thread.join()

    def free(self) -> None:
        """Clear the cache: POST /free with free_memory."""
        self._cache.clear()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            client_id = item.extra_data.get("client_id")
            self._sockets.executing_client = client_id
            wanted = item.extra_data.get("preview_method")
            previews = wanted in _PREVIEW_METHODS or (
                wanted in (None, "default") and self._previews
            )
            run = PromptRun(
                item,
                client_id,
                self._queue,
                self._sockets,
                self._storage,
                self._speed,
                previews,
                self._assets,
                self._metadata,
            )
            entry = run.execute(item.nodes, self._cache)
            self._sockets.executing_node = None
            self._queue.done(item, entry)
            if client_id is not None:
                run.send("executing", {"node": None, "prompt_id": item.prompt_id})


@dataclass(slots=True)
class PromptRun:
    """Execution of one prompt. It is also the `NodeRun` of its nodes. With `assets`, it behaves
    like servers after 0.33.0. `texts`: for the metadata of all files, beside the prompt."""

    item: QueueItem
    client_id: str | None
    queue: PromptQueue
    sockets: Sockets
    storage: Storage
    speed: Speed
    previews: bool
    assets: Assets | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    expansion: Expansion = field(default_factory=Expansion)
    node_id: str = ""
    messages: list[list[Any]] = field(default_factory=list)
    progress: dict[str, dict[str, Any]] = field(default_factory=dict)
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    waited: float = 0.0

    # --- for nodes

    @property
    def metadata(self) -> Mapping[str, Any]:
        sent = self.item.extra_data.get("extra_pnginfo", {})
        return {"prompt": self.item.prompt, **sent, **self.texts}

    @property
    def api_key(self) -> str | None:
        return self.item.secrets.get("api_key_comfy_org")

    def wait(self, seconds: float) -> None:
        seconds = min(seconds, (self.speed.longest - self.waited) / _SLOW_STEPS)
        self.waited += seconds
        pause(self.queue.interrupted, seconds)

    def step(
        self,
        value: int,
        total: int,
        preview: Callable[[], Image.Image] | None,
        *,
        is_result: bool = False,
    ) -> None:
        pause(self.queue.interrupted, 0)
        self._report(value, total, "running")
        metadata = self.sockets.wants_metadata(self.client_id)
        wanted = preview if self.previews or is_result else None
        jpeg = _encoded(wanted(), "PNG" if is_result else "JPEG") if wanted is not None else None
        if jpeg is not None and metadata:
            self._send_preview(jpeg, metadata=True)
        data = {"value": value, "max": total, "node": self.node_id}
        self.send("progress", {**data, "prompt_id": self.item.prompt_id})
        if jpeg is not None and not metadata:
            self._send_preview(jpeg, metadata=False)

    def tell(self, text: str, node_id: str | None = None) -> None:
        prompt_id = self.item.prompt_id if self.assets is not None else None
        self.sockets.send(NodeText(text, node_id or self.node_id, prompt_id))

    # --- the run

    def execute(self, nodes: Mapping[str, NodeClass], cache: Cache) -> dict[str, Any]:
        """Run the prompt and return its history entry (without the prompt itself)."""
        self.storage.begin()
        self._message("execution_start", {})
        results: dict[str, NodeResult | None] = {}
        try:
            try:
                self._run(nodes, cache, results)
            except _Failure:
                raise
            except Exception as exc:  # of no node: the next prompt must run
                about = self._error(self.item.outputs[0], exc, {}, results)
                raise _Failure("execution_error", about) from exc
            self._message("execution_success", {})
            success = True
        except _Failure as failure:
            self._message(
                failure.event, failure.data, broadcast=failure.event == "execution_interrupted"
            )
            success = False
        status = {
            "status_str": "success" if success else "error",
            "completed": success,
            "messages": self.messages,
        }
        meta = {node_id: _known(results[node_id]).meta for node_id in self.shown}
        return {"outputs": self.shown, "status": status, "meta": meta}

    def _run(
        self, nodes: Mapping[str, NodeClass], cache: Cache, results: dict[str, NodeResult | None]
    ) -> None:
        self.expansion = expanded(self.item.prompt, self.item.outputs, nodes, self.storage)
        prompt = self.expansion.prompt
        signatures = Signatures(prompt, nodes, self.storage)
        earlier = {node_id: cache.get(signatures.of(node_id)) for node_id in prompt}
        results |= {node_id: self._reusable(result) for node_id, result in earlier.items()}
        cached = (one for one in self.item.prompt if one in results)
        self._message(
            "execution_cached", {"nodes": [one for one in cached if results[one] is not None]}
        )
        ordered = order(prompt, nodes, self.storage, self.expansion.outputs, results)
        last = {one: user for user in ordered for one in (user, *_sources(prompt[user]))}
        unused = defaultdict[str, list[str]](list)
        for one, user in last.items():
            unused[user].append(one)
        for node_id in ordered:
            self._visit(node_id, nodes, results)
            cache.put(signatures.of(node_id), _known(results[node_id]))
            for one in unused[node_id]:  # so that memory doesn't grow with the number of nodes
                results[one] = _emptied(results.get(one))

    def _reusable(self, cached: NodeResult | None) -> NodeResult | None:
        """Return an earlier result, unless a file of it is gone, or belongs to another prompt."""
        files = self.storage.listed(cached.ui or {}) if cached else []
        is_own = not (files and self.storage.built_in)
        return cached if is_own and all(file.is_file() for file in files) else None

    def _visit(
        self, node_id: str, nodes: Mapping[str, NodeClass], results: dict[str, NodeResult | None]
    ) -> None:
        cached = results[node_id]
        if cached is not None:  # an output: the order contains no other cached nodes
            self._show(node_id, cached, always=True)
            self.progress[node_id] = {"value": 1, "max": 1, "state": "finished"}
            self._send_progress()
            return
        self.node_id = node_id
        self._report(0.0, 1.0, "running")
        if self.client_id is not None:
            shown = self.sockets.executing_node = self.expansion.shown(node_id)
            data = {"node": node_id, "display_node": shown, "prompt_id": self.item.prompt_id}
            self.send("executing", data)
        result = replace(self._run_node(node_id, nodes, results), meta=self._meta(node_id))
        results[node_id] = result
        self._show(node_id, result)
        self._report(self.progress[node_id]["max"], self.progress[node_id]["max"], "finished")
        self.executed.append(node_id)

    def _run_node(
        self, node_id: str, nodes: Mapping[str, NodeClass], results: Mapping[str, NodeResult | None]
    ) -> NodeResult:
        node = self.expansion.prompt[node_id]
        inputs: dict[str, Any] = {}
        try:
            pause(self.queue.interrupted, 0)
            if self.storage.paints:
                _check_memory(results.values())
            for name, value in node["inputs"].items():
                if not is_link(value):
                    inputs[name] = value
                elif (source := results[value[0]]) is not None:  # else a lazy input
                    slot = min(value[1], len(source.outputs) - 1)  # newer versions may have more
                    inputs[name] = source.outputs[slot]
            return self._each(nodes[node["class_type"]], inputs)
        except Interrupted:
            raise _Failure("execution_interrupted", self._about(node_id)) from None
        except Exception as exc:  # as the real server, which reports each exception of a node
            about = self._error(node_id, exc, inputs, results)
            raise _Failure("execution_error", about) from exc

    def _each(self, node_class: NodeClass, inputs: Mapping[str, Any]) -> NodeResult:
        """Run a node once, or once per item of the lists among its inputs."""
        lists = [value.items for value in inputs.values() if isinstance(value, Listed)]
        if not lists or node_class.describe(self.storage)["is_input_list"]:
            return node_class.run(self, inputs)
        runs = [
            node_class.run(self, {name: _item(value, number) for name, value in inputs.items()})
            for number in range(max(1, *map(len, lists)))
        ]
        outputs = tuple(
            Listed(values) for values in zip(*(run.outputs for run in runs), strict=True)
        )
        ui: dict[str, list[Any]] = {}
        for run in runs:
            for key, entries in (run.ui or {}).items():
                ui.setdefault(key, []).extend(entries)
        return NodeResult(outputs, ui or None)

    def _about(self, node_id: str) -> dict[str, Any]:
        real = self.expansion.real(node_id)
        kind = self.item.prompt[real]["class_type"]
        return {"node_id": real, "node_type": kind, "executed": list(self.executed)}

    def _error(
        self,
        node_id: str,
        exc: Exception,
        inputs: Mapping[str, Any],
        results: Mapping[str, NodeResult | None],
    ) -> dict[str, Any]:
        """Return the data of `execution_error`."""
        kind = type(exc)
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        return self._about(node_id) | {
            "exception_message": f"{exc}\n",
            "exception_type": f"{module}{kind.__qualname__}",
            "traceback": traceback.format_tb(exc.__traceback__),
            "current_inputs": {key: [_printable(value)] for key, value in inputs.items()},
            "current_outputs": [one for one, result in results.items() if result is not None],
        }

    # --- messages to clients

    def send(self, type_: str, data: dict[str, Any]) -> None:
        """Send a message to the prompt's client, or to all without one. With `assets`, it repeats
        the metadata of the request (docs/comfyui.md#56)."""
        if self.assets is not None:
            data = {**data, **self.item.extra_data.get("metadata", {"workflow_id": None})}
        self.sockets.send(TextMessage(type_, data, self.client_id))

    def _message(self, type_: str, data: dict[str, Any], *, broadcast: bool = False) -> None:
        """Send a message and store it in the history."""
        stamped = {**data, "prompt_id": self.item.prompt_id, "timestamp": int(time.time() * 1000)}
        self.messages.append([type_, stamped])
        if self.client_id is not None or broadcast:
            self.send(type_, stamped)

    def _report(self, value: float, total: float, state: str) -> None:
        self.progress[self.node_id] = {"value": value, "max": total, "state": state}
        self._send_progress()

    def _send_progress(self) -> None:
        prompt_id = self.item.prompt_id
        nodes = {
            node_id: {
                **state,
                "node_id": node_id,
                "prompt_id": prompt_id,
                "display_node_id": self.expansion.shown(node_id),
                "parent_node_id": self.expansion.parents.get(node_id),
                "real_node_id": self.expansion.real(node_id),
            }
            for node_id, state in self.progress.items()
        }
        # Without a client id it goes to all clients, as on the real server (docs/comfyui.md#11).
        self.send("progress_state", {"prompt_id": prompt_id, "nodes": nodes})

    def _send_preview(self, jpeg: bytes, *, metadata: bool) -> None:
        about = self.expansion.about(self.node_id)
        self.sockets.send(
            PreviewMessage(jpeg, self.item.prompt_id, about, metadata, self.client_id)
        )

    def _show(self, node_id: str, result: NodeResult, *, always: bool = False) -> None:
        ui = result.ui
        if ui is not None and self.assets is not None:
            ui = self.assets.registered(ui, self.storage)
        if ui is not None:
            self.shown[node_id] = ui
        if self.client_id is not None and (always or ui is not None):
            data = {"node": node_id, "display_node": self.expansion.shown(node_id), "output": ui}
            self.send("executed", {**data, "prompt_id": self.item.prompt_id})

    def _meta(self, node_id: str) -> dict[str, Any]:
        return {
            "node_id": node_id,
            "display_node": self.expansion.shown(node_id),
            "parent_node": self.expansion.parents.get(node_id),
            "real_node_id": self.expansion.real(node_id),
        }


def _known(result: NodeResult | None) -> NodeResult:
    if result is None:  # the order guarantees that inputs come first
        raise LookupError("a node was run before its inputs")
    return result


def _emptied(result: NodeResult | None) -> NodeResult | None:
    return result and replace(result, outputs=())


def _bytes(results: Iterable[NodeResult | None]) -> int:
    seen: set[int] = set()
    return sum(weight(one.outputs, seen) for one in results if one is not None)


def _check_memory(results: Iterable[NodeResult | None]) -> None:
    if _bytes(results) > _MOST_BYTES:
        raise NodeFailure("This workflow needs more memory than the demo has.")


def _item(value: object, number: int) -> object:
    """Return an item of a list, the last one if it has fewer; any other value itself."""
    if not isinstance(value, Listed):
        return value
    return value.items[min(number, len(value.items) - 1)] if value.items else None


def _printable(value: object) -> object:
    return value if value is None or isinstance(value, int | float | str) else str(value)


def _encoded(image: Image.Image, format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, quality=90)
    return buffer.getvalue()
