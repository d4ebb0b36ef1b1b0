"""Samplers of a prompt: their order, their results, and whether they use negative texts."""

from __future__ import annotations

import re
from functools import cached_property

from comfy.prompt.model import own_title
from comfy.prompt.trace import IMAGE_TYPES, Trace

# With more samplers, numbers don't help users.
_MOST_SAMPLERS = 30
_GUIDANCE = "cfg"
# Input of nodes that save results, and what its value has besides a name.
_FILE_NAME = "filename_prefix"
_NO_NAME = re.compile(r"^.*[/\\]|^comfyui[-_ ]*|^[-_ ]+|[-_ ]+$", re.IGNORECASE)


class Samplers:
    """The samplers of a traced prompt. Build one per form."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def ignore_negatives(self, node_id: str) -> bool:
        """Return whether every sampler after a node has a guidance of 1, so that it ignores
        negative texts."""
        return node_id in self._sampled and node_id not in self._guided

    @cached_property
    def _sampled(self) -> frozenset[str]:
        return frozenset(self.trace.walk(self._guidance, None))

    @cached_property
    def _guided(self) -> frozenset[str]:
        guided = (node_id for node_id, guidance in self._guidance.items() if guidance != 1)
        return frozenset(self.trace.walk(guided, None))

    @cached_property
    def _guidance(self) -> dict[str, object]:
        return {
            node_id: self.trace.literal(node_id, _GUIDANCE)
            for node_id, node in self.trace.prompt.items()
            if _GUIDANCE in node["inputs"] and node_id in self.trace.alive
        }

    @cached_property
    def passes(self) -> dict[str, int]:
        """Return the number of the sampler that a node is for, if samplers follow each other.
        Nodes for several samplers have none."""
        trace = self.trace
        samplers = [one for one in trace.prompt if one in trace.alive and trace.is_sampler(one)]
        if not 1 < len(samplers) <= _MOST_SAMPLERS:
            return {}
        before = {one: {*trace.walk([one], IMAGE_TYPES)} for one in samplers}
        numbers = {one: sum(other in before[one] for other in samplers) for one in samplers}
        if max(numbers.values()) == 1:
            return {}
        passes: dict[str, int] = {}
        for sampler, number in numbers.items():
            for node_id in trace.walk([sampler], None, self._is_setting):
                passes[node_id] = number if passes.get(node_id, number) == number else 0
        return {node_id: number for node_id, number in passes.items() if number}

    @cached_property
    def results(self) -> dict[str, str]:
        """Return the name of the only result that a node is for, if there are several. It's the
        title or the file name of the node that saves it."""
        trace = self.trace
        ends = {end: self._result_name(end) for end in trace.ends}
        ends = {end: name for end, name in ends.items() if name is not None}
        if not 1 < len(ends) <= _MOST_SAMPLERS:
            return {}
        results: dict[str, str] = {}
        for end, name in ends.items():
            for node_id in trace.walk([end], None):
                results[node_id] = "" if node_id in results else name or ""
        return {node_id: name for node_id, name in results.items() if name}

    def _result_name(self, end: str) -> str | None:
        """Return the name of a saved result, "" without one, None for nodes that save nothing."""
        node, spec = self.trace.prompt[end], self.trace.spec(end)
        file_name = node["inputs"].get(_FILE_NAME)
        if file_name is None:
            return None
        title = own_title(node).removeprefix(spec.display_name if spec else "").strip(" -:()")
        if title and title != node["class_type"]:
            return title
        if not isinstance(file_name, str) or "%" in file_name:
            return ""
        return _NO_NAME.sub("", _NO_NAME.sub("", file_name)).replace("_", " ")

    def _is_setting(self, node_id: str, input_name: str) -> bool:
        return self.trace.type_of(node_id, input_name) not in IMAGE_TYPES
