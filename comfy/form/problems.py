"""Messages about what won't work on a form."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from comfy.base.messages import labeled
from comfy.base.wording import plain_words
from comfy.form.candidates import Candidate
from comfy.prompt.outputs import Output
from comfy.prompt.trace import Trace
from comfy.workflow.config import FormConfig


def wrong_outputs(config: FormConfig, outputs: Collection[Output]) -> Iterator[str]:
    """Report outputs in the TOML file that the workflow doesn't have."""
    known = {output.node for output in outputs}
    for node in config.outputs:
        if node not in known:
            yield f"The output “{node}” in the TOML file is not an output node."


def dangling_links(trace: Trace, titles: Mapping[str, str]) -> Iterator[str]:
    """Report inputs whose links lead nowhere."""
    for input_ref, source in trace.dangling():
        yield (
            f"“{titles[input_ref.node]}” takes “{plain_words(input_ref.input)}” from node {source},"
            " which doesn't exist."
        )


def field_problems(candidates: tuple[Candidate, ...]) -> Iterator[str]:
    """Yield the passes' problems with visible fields."""
    for candidate in candidates:
        for problem in candidate.problems if candidate.group != "hidden" else ():
            yield labeled(candidate.label, problem)
