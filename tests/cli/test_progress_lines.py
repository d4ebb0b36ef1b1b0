"""Progress of a batch or a chain on a terminal."""

from __future__ import annotations

import io
from dataclasses import replace

from comfy.cli.progress import BatchLine, ChainLine
from comfy.comfyui.protocol.run_progress import PlannedNodes, RunProgress
from comfy.comfyui.protocol.run_state import Phase, RunState


class Terminal(io.StringIO):
    """A terminal of 80 columns."""

    def isatty(self) -> bool:
        return True

    @property
    def line(self) -> str:
        return self.getvalue().rpartition("\x1b[K")[2]


def state(done: float, node: str) -> RunState:
    """Return a run with this much progress, at a node with this title."""
    running = RunState("1", Phase.RUNNING, planned=PlannedNodes({"4": node}), node="4")
    return replace(running, progress=RunProgress(fraction=done))


def test_all_steps_of_a_chain_are_one_bar() -> None:
    """Each step counts the same, regardless of its number of runs, and the line names the step at
    work."""
    out = Terminal()
    line = ChainLine(out, {"a": "Image", "b": "Enlarge"})
    line.show({("a", 1): RunState("1")})
    assert out.line == f"[{'.' * 24}] 0/2"
    line.show({("a", 1): state(0.5, "Sampler")})
    assert out.line == f"[{'#' * 6}{'.' * 18}] 0/2  Image: Sampler"
    line.ended("a", 1)
    assert out.line == ""
    line.show({("b", 1): state(1.0, "Save"), ("b", 2): state(0.0, "Load")})
    assert out.line == f"[{'#' * 18}{'.' * 6}] 1/2  Enlarge: Save"
    line.ended("b", 4)
    line.show({("b", 2): state(0.0, "Load")})
    assert out.line == f"[{'#' * 15}{'.' * 9}] 1/2  Enlarge: Load"


def test_rows_of_a_batch_are_counted() -> None:
    """The count includes rows that were done before and rows that failed."""
    out = Terminal()
    line = BatchLine(out, 4, 1)
    line.ended()
    line.show(1)
    assert out.line.startswith(f"[{'#' * 12}{'.' * 12}] 2/4  1 failed  about ")


def test_a_file_gets_no_progress_line() -> None:
    """The command draws no bar if the output is not a terminal."""
    out = io.StringIO()
    line = ChainLine(out, {"a": "Image"})
    line.show({("a", 1): state(0.5, "Sampler")})
    line.ended("a", 1)
    assert out.getvalue() == ""
