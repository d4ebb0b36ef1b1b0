"""Progress of a run: its nodes, and its samplers' steps with their times. Pure; callers pass times
in seconds since 1970.

Loops in a prompt: the nodes between `StartLoop` and `EndLoop`, which ComfyUI runs several times
(docs/comfyui.md#57). Pure.

Nodes of a run's prompt, which are the same in all its states. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, NamedTuple

from comfy.base.json_values import as_mapping
from comfy.prompt.model import is_link, own_title

_START, _END = "StartLoop", "EndLoop"
_MOST_ROUNDS = 1_000_000
_MOST_LOOP_STEPS = 100_000  # of a search through a prompt
_SAMPLING_SHARE = 0.9  # of a run with samplers: the other nodes take little time
_MOST_STEPS = 10_000  # ComfyUI's limit
_DEEPEST = 10  # links from a sampler to the node with its number of steps
_FARTHEST = 30  # links from a sampler to the node with its image size
_LONGEST = 16_384  # pixels of a side, ComfyUI's limit
# Inputs that pass a sampler's image or latent from node to node.
_WORKED_ON = ("latent_image", "latent", "samples", "pixels", "image", "images")
_REPEATS = ("batch_size", "length", "amount")


def loop_rounds(prompt: Mapping[str, Any]) -> Mapping[str, int]:
    """Return how often each node inside loops runs, without nodes whose number is only known at run
    time."""
    starts = [node_id for node_id, node in prompt.items() if _class_of(node) == _START]
    if not starts:
        return {}
    users = _users(prompt)
    rounds: dict[str, list[int | None]] = {}
    for start in starts:
        count = _iterations(prompt, start)
        for node_id in _body(prompt, users, start):
            rounds.setdefault(node_id, []).append(count)
    products = {node: prod(one or 0 for one in counts) for node, counts in rounds.items()}
    return {node: min(count, _MOST_ROUNDS) for node, count in products.items() if count > 1}


def _users(prompt: Mapping[str, Any]) -> Mapping[str, set[str]]:
    users: dict[str, set[str]] = {node_id: set() for node_id in prompt}
    for node_id, node in prompt.items():
        for value in as_mapping(as_mapping(node).get("inputs")).values():
            if is_link(value) and str(value[0]) in users:
                users[str(value[0])].add(node_id)
    return users


def _body(prompt: Mapping[str, Any], users: Mapping[str, set[str]], start: str) -> set[str]:
    """Return the nodes between a loop's start and its end, with the loops inside. The depth tells
    the ends of inner loops from its own."""
    seen: set[tuple[str, int]] = set()
    todo = [(user, 1) for user in users[start]]
    while todo and len(seen) < _MOST_LOOP_STEPS:
        node_id, depth = todo.pop()
        is_end = _class_of(prompt[node_id]) == _END
        if (node_id, depth) in seen or (is_end and depth == 1):
            continue
        seen.add((node_id, depth))
        after = depth - 1 if is_end else depth + (_class_of(prompt[node_id]) == _START)
        todo += [(user, after) for user in users[node_id]]
    return {node_id for node_id, _ in seen}


def _iterations(prompt: Mapping[str, Any], start: str) -> int | None:
    """Return a loop's number of iterations, None if unknown."""
    inputs = as_mapping(as_mapping(prompt[start]).get("inputs"))
    match inputs.get("mode"):
        case "simple":
            return _whole(inputs.get("mode.num_iterations"))
        case "For":
            first, end, step = (
                _whole(inputs.get(f"mode.{name}"))
                for name in ("start_iteration_index", "max_iteration", "step")
            )
            return len(range(first, end, step)) if first is not None and end and step else None
        case _:
            return None


def _whole(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _MOST_ROUNDS else None


def _class_of(node: object) -> object:
    return as_mapping(node).get("class_type")


@dataclass(frozen=True, slots=True)
class SamplerSteps:
    """Steps of one sampler: `taken` of `steps`. `weight`: the relative work of a step. In a loop,
    it takes them in each of its `rounds`, and has finished `round` of these. The first reported
    step was number `first`, at `first_at`, and the last one came at `last_at`. `restarted`: it
    counts from the start again, so the number of rounds is unknown. `interrupted`: the server was
    away since the last step. `lost`: seconds of such times between earlier steps."""

    steps: int
    weight: float = field(default=1.0, kw_only=True)
    rounds: int = field(default=1, kw_only=True)
    round: int = field(default=0, kw_only=True)
    taken: int = 0
    first: int = 0
    first_at: float | None = None
    last_at: float | None = None
    restarted: bool = False
    interrupted: bool = False
    lost: float = 0.0

    @property
    def through(self) -> bool:
        """Return whether the sampler has finished all known steps."""
        return self.left == 0 and not self.restarted

    @property
    def left(self) -> int:
        """Return the number of known steps to take, in all rounds."""
        return max(0, self.steps * (self.rounds - self.round) - self.taken)

    @property
    def share(self) -> float:
        """Return the finished share of the known steps, 0..1."""
        return 1 - self.left / (self.steps * self.rounds)

    @property
    def pace(self) -> float | None:
        """Return the seconds per step. The first step doesn't count, since it may include loading
        the model."""
        if self.first_at is None or self.last_at is None or self.taken <= self.first:
            return None
        return max(0.0, self.last_at - self.first_at - self.lost) / (self.taken - self.first)

    def at(self, step: int, steps: int, now: float) -> SamplerSteps:
        """Return the state after the report that it has taken `step` of `steps`."""
        if (step, steps) == (self.taken, self.steps):
            return self
        if step < self.taken and self.round + 1 < self.rounds:
            return self._next_round(step, steps, now)
        if self.first_at is None or step < self.taken:
            again = self.restarted or step < self.taken
            return replace(
                self,
                steps=steps,
                taken=step,
                first=step,
                first_at=now,
                last_at=now,
                restarted=again,
                interrupted=False,
                lost=0.0,
            )
        since = replace(self, steps=steps, taken=step, last_at=now, interrupted=False)
        if not self.interrupted or self.last_at is None:
            return since
        passed = now - self.last_at
        if self.pace is None:  # the pace is measured from here
            return replace(since, first=step, lost=self.lost + passed)
        return replace(since, lost=self.lost + passed - self.pace * (step - self.taken))

    def _next_round(self, step: int, steps: int, now: float) -> SamplerSteps:
        """Return the state after the first report of the next round. The time between the rounds
        belongs to other nodes, so it doesn't count for the pace."""
        pace, since = self.pace, self.last_at
        begun = replace(self, steps=steps, taken=step, round=self.round + 1, interrupted=False)
        if pace is None or since is None:
            return replace(begun, first=step, first_at=now, last_at=now, lost=0.0)
        lost = self.lost + now - since - pace * step
        return replace(begun, first=self.first - self.taken, last_at=now, lost=lost)


class SamplingWork(NamedTuple):
    """Total work of the samplers in a run: steps times pixels, or times the size of the node
    `source` if the pixels are unknown. `size`: the most pixels, without the steps."""

    source: str
    amount: float
    size: float


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Finished share of a run: `fraction` of its nodes and steps, 0..1, never decreases.

    `nodes` are the counted nodes, without cached ones. `samplers` have a known number of steps.
    `rounds`: how often the nodes of loops run, and `finished_rounds` how often they have run.
    """

    nodes: frozenset[str] = frozenset()
    samplers: Mapping[str, SamplerSteps] = field(default_factory=dict)
    fraction: float = 0.0
    rounds: Mapping[str, int] = field(default_factory=dict)
    finished_rounds: Mapping[str, int] = field(default_factory=dict)

    @property
    def through(self) -> frozenset[str]:
        """Return the nodes of loops that have finished their last round."""
        done = self.finished_rounds
        return frozenset(node for node, most in self.rounds.items() if done.get(node, 0) >= most)

    def with_rounds(self, finished: Iterable[str]) -> RunProgress:
        """Return the progress when these nodes of loops have finished: each as often as it is
        named."""
        if not self.rounds:
            return self
        counted = Counter(node for node in finished if node in self.rounds)
        return self if counted == self.finished_rounds else replace(self, finished_rounds=counted)

    def without(self, nodes: Iterable[str]) -> RunProgress:
        """Return the progress without these nodes, which have nothing to do."""
        left = self.nodes - set(nodes)
        if left == self.nodes:
            return self
        samplers = {node: steps for node, steps in self.samplers.items() if node in left}
        return replace(self, nodes=left, samplers=samplers)

    def interrupted(self) -> RunProgress:
        """Return the progress while the server is away, a time that doesn't count for a sampler's
        pace."""
        going = {node: one for node, one in self.samplers.items() if not one.interrupted}
        if not going:
            return self
        stopped = {node: replace(one, interrupted=True) for node, one in going.items()}
        return replace(self, samplers={**self.samplers, **stopped})

    def measured(
        self, node: str | None, step: int, steps: int, done: frozenset[str], now: float
    ) -> RunProgress:
        """Return the progress after `node` has taken `step` of `steps` (0 = unknown) and the nodes
        `done` have finished."""
        samplers, known = self.samplers, self.samplers.get(node or "")
        if node and known and 0 < step <= steps:
            samplers = {**samplers, node: known.at(step, min(steps, _MOST_STEPS), now)}
        part = min(1.0, max(0.0, step / steps)) if node not in done and steps > 1 else 0.0
        share = self._share(samplers, done, part if node in self.nodes else 0.0)
        fraction = max(self.fraction, share)
        if samplers == self.samplers and fraction == self.fraction:
            return self
        return replace(self, samplers=samplers, fraction=fraction)

    def _share(
        self, samplers: Mapping[str, SamplerSteps], done: frozenset[str], part: float
    ) -> float:
        """Return the finished share, 0..1; `part` is the finished share of the running node."""
        if not samplers:
            return self._finished_share(self.nodes, done, part)
        others = self.nodes - samplers.keys()
        through = self._finished_share(others, done, 0.0) if others else 1.0
        total = sum(one.weight * one.steps * one.rounds for one in samplers.values())
        taken = sum(
            one.weight * one.steps * one.rounds * (1.0 if node in done else one.share)
            for node, one in samplers.items()
        )
        return min(1.0, _SAMPLING_SHARE * (taken / total) + (1 - _SAMPLING_SHARE) * through)

    def _finished_share(self, nodes: frozenset[str], done: frozenset[str], part: float) -> float:
        """Return the finished share of these nodes, each counted as often as it runs."""
        total = sum(self.rounds.get(node, 1) for node in nodes)
        counts = self.finished_rounds
        finished = sum(
            self.rounds.get(node, 1) if node in done else counts.get(node, 0) for node in nodes
        )
        return min(1.0, (finished + part) / max(1, total))


def planned_progress(prompt: Mapping[str, Any]) -> RunProgress:
    """Return the progress of this prompt's run before it starts."""
    steps = _planned_steps(prompt)
    weights, rounds = _weights(prompt, steps), loop_rounds(prompt)
    samplers = {
        node: SamplerSteps(steps[node], weight=weights[node], rounds=rounds.get(node, 1))
        for node in steps
    }
    return RunProgress(frozenset(prompt), samplers, rounds=rounds)


def sampling_work(
    prompt: Mapping[str, Any], samplers: Container[str] | None = None
) -> SamplingWork | None:
    """Return the work of all samplers in this prompt, or of the given ones. None if no number of
    steps is known, or if their sizes can't be compared."""
    steps, rounds = _planned_steps(prompt), loop_rounds(prompt)
    parts = [
        SamplingWork(source, amount * steps[node] * rounds.get(node, 1), amount)
        for node in steps
        if samplers is None or node in samplers
        for source, amount in [_work_of(prompt, node)]
    ]
    if len({part.source for part in parts}) != 1:
        return None
    amount, size = sum(part.amount for part in parts), max(part.size for part in parts)
    return SamplingWork(parts[0].source, amount, size)


def _planned_steps(prompt: Mapping[str, Any]) -> Mapping[str, int]:
    """Return each sampler with a number of steps that is known beforehand."""
    return {
        node: steps
        for node, values in prompt.items()
        if "Sampler" in str(_part(values, "class_type")) and (steps := _steps_of(prompt, node))
    }


def _weights(prompt: Mapping[str, Any], samplers: Iterable[str]) -> Mapping[str, float]:
    """Return each sampler's work per step by its pixels, with 1 for the least. All are equal if the
    graph doesn't reveal the pixels."""
    work = {node: _work_of(prompt, node) for node in samplers}
    if len({source for source, _ in work.values()}) != 1:
        return dict.fromkeys(work, 1.0)
    least = min(amount for _, amount in work.values())
    return {node: amount / least for node, (_, amount) in work.items()}


def _work_of(prompt: Mapping[str, Any], sampler: str) -> tuple[str, float]:
    """Return a sampler's pixels; if unknown, the factor relative to the first named node."""
    node_id, times, pixels = sampler, 1.0, 0
    for _ in range(_FARTHEST):
        inputs = _part(prompt.get(node_id), "inputs")
        if node_id != sampler:
            times *= prod(_count(prompt, _part(inputs, name)) or 1 for name in _REPEATS)
        if node_id != sampler and not pixels:
            scale = _part(inputs, "scale_by")
            pixels = prod(_count(prompt, _part(inputs, name)) for name in ("width", "height"))
            if isinstance(scale, int | float) and 0.01 <= scale <= 100:
                times *= scale * scale
            elif not pixels and _resizes(prompt.get(node_id)):
                break
        links = (_part(inputs, name) for name in _WORKED_ON)
        link = next((value for value in links if isinstance(value, list) and value), None)
        if link is None:
            break
        node_id = str(link[0])
    return ("", times * pixels) if pixels else (node_id, times)


def _count(prompt: Mapping[str, Any], value: object) -> int:
    """Return a count, 0 if it is unknown or out of range."""
    number = _number(prompt, value) or 0
    return number if 0 < number <= _LONGEST else 0


def _resizes(node: object) -> bool:
    """Tell if a node's output may have another size than its input."""
    name = str(_part(node, "class_type")).lower()
    return any(word in name for word in ("scale", "resize", "crop"))


def _steps_of(prompt: Mapping[str, Any], node: str, depth: int = 0) -> int:
    """Return a sampler's number of steps, 0 if unknown: its own, or that from the node that makes
    its sigmas."""
    inputs = _part(prompt.get(node), "inputs")
    steps = _number(prompt, _part(inputs, "steps"))
    if steps is None:
        sigmas = _part(inputs, "sigmas")
        if not isinstance(sigmas, list) or not sigmas or depth == _DEEPEST:
            return 0
        return _steps_of(prompt, str(sigmas[0]), depth + 1)
    first = _number(prompt, _part(inputs, "start_at_step")) or 0
    last = _number(prompt, _part(inputs, "end_at_step"))
    return max(0, min(steps, steps if last is None else last, _MOST_STEPS) - first)


def _number(prompt: Mapping[str, Any], value: object) -> int | None:
    """Return a number, following links to the node that holds it."""
    if isinstance(value, list) and value:
        value = _part(_part(prompt.get(str(value[0])), "inputs"), "value")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _part(values: object, name: str) -> object:
    return values.get(name) if isinstance(values, dict) else None


@dataclass(frozen=True, slots=True)
class PlannedNodes:
    """Nodes of a run's prompt, the same in all its states: their names for users by id, and the
    nodes whose outputs count; None = all."""

    titles: Mapping[str, str] = field(default_factory=dict)
    with_outputs: frozenset[str] | None = None

    def owner(self, node: str, display_node: str | None) -> str:
        """Return the prompt's node that a node's output belongs to.

        The server names the node that a node created at run time stands for. The name counts only
        for such nodes, and only if the prompt has it: it may come from an earlier prompt
        (docs/comfyui.md#63). Otherwise, the created node's id tells (docs/comfyui.md#64).
        """
        created_by = node.partition(".")[0]
        owners = (one for one in (node, display_node or "", created_by) if one in self.titles)
        return next(owners, node)


def planned_nodes(
    prompt: Mapping[str, Any],
    outputs: Iterable[str] | None,
    titles: Mapping[str, str] | None,
) -> PlannedNodes:
    """Return a prompt's nodes. `outputs`: the nodes whose outputs count; None = all.

    `titles`: the nodes' names for users. A node without one there has its title in the prompt, else
    its class.
    """
    called = titles or {}
    named = {
        node_id: called.get(node_id) or own_title(node) or str(node.get("class_type", ""))
        for node_id, node in prompt.items()
    }
    return PlannedNodes(named, None if outputs is None else frozenset(outputs))
