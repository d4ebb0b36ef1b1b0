"""The outputs of a run by name, with their results. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from comfy.records.record import Record


@dataclass(frozen=True, slots=True)
class RunOutput:
    """Output of a run: its node, its name, and the positions of its results among the run's `files`
    and `texts`. The name is empty only for runs of earlier versions."""

    node: str
    name: str
    files: tuple[int, ...] = ()
    texts: tuple[int, ...] = ()


def run_outputs(record: Record) -> tuple[RunOutput, ...]:
    """Return the outputs with results, in the form's order; nodes that it doesn't list follow."""
    job, state = record.job, record.state
    files: dict[str, list[int]] = {}
    texts: dict[str, list[int]] = {}
    for at, file in enumerate(state.files):
        files.setdefault(_outer(record, file.node), []).append(at)
    for at, text in enumerate(state.texts):
        texts.setdefault(_outer(record, text.node), []).append(at)
    return tuple(
        RunOutput(
            node,
            job.output_names.get(node) or job.titles.get(node, ""),
            tuple(files.get(node, ())),
            tuple(texts.get(node, ())),
        )
        for node in dict.fromkeys((*job.output_names, *files, *texts))
        if node in files or node in texts
    )


def texts_in_files(record: Record) -> Mapping[int, int]:
    """Return which files contain nothing but one of the run's texts: the text's position by the
    file's."""
    state = record.state
    by_digest = {
        hashlib.sha256(one.text.encode("utf-8", "surrogatepass")).hexdigest(): at
        for at, one in reversed([*enumerate(state.texts)])
    }
    return {
        at: by_digest[file.digest]
        for at, file in enumerate(state.files)
        if file.kind == "file" and file.digest in by_digest
    }


def compared_files(record: Record) -> Mapping[int, int]:
    """Return the images that the workflow compares: the position of each image before, by the
    position of the image after."""
    sides: dict[tuple[str, str], list[int]] = {}
    for at, file in enumerate(record.state.files):
        sides.setdefault((file.node, file.side), []).append(at)
    return {
        after: before
        for (node, side), places in sides.items()
        if side == "b"
        for after, before in zip(places, sides.get((node, "a"), ()), strict=False)
    }


def _outer(record: Record, node: str) -> str:
    """Return the prompt's node that a result belongs to. The server names the nodes of an expanded
    node `outer.0.0.inner`."""
    return node if node in record.job.prompt else node.partition(".")[0]
