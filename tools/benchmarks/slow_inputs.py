"""The slowest known inputs: deeply nested wildcards, prefixes with many names, files full of
JSON."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from datetime import datetime

from comfy.base.errors import WorkflowError
from comfy.prompt.text_replacements import prefix_names, replace_prefixes
from comfy.prompt.wildcards import resolve_wildcards
from comfy.workflow.extract import find_workflow
from tests.support.samples.slow_inputs import FILES, WILDCARDS, many_prefixes
from tools.benchmarks.tools.figure import Figure


def measure() -> list[Figure]:
    """Measure the processor time of the slowest input of each kind."""
    prompt = many_prefixes()
    wildcards = max(
        _seconds(resolve_wildcards, text, random.Random(1)) for text in WILDCARDS.values()
    )
    prefixes = _seconds(replace_prefixes, prompt, prefix_names(prompt), datetime(2025, 3, 7))
    files = max(_seconds(find_workflow, make(), "a.png") for make in FILES.values())
    return [
        Figure("slow inputs: wildcards, 200,000 characters", wildcards, "s", 0.5),
        Figure("slow inputs: 2,000 prefixes of 2,000 names", prefixes, "s", 1),
        Figure("slow inputs: 4,000 JSON texts in 58 MB", files, "s", 1),
    ]


def _seconds(read: Callable[..., object], *arguments: object) -> float:
    started = time.process_time()
    with contextlib.suppress(WorkflowError):
        read(*arguments)
    return time.process_time() - started
