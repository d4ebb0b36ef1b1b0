"""Progress display: a bar on a terminal, otherwise a line for each new stage."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TextIO

from comfy.comfyui.protocol.run_state import Phase, RunState

_BAR = 24


class TerminalLine:
    """Last line of the terminal, overwritten in place; silent without a terminal."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.is_terminal = out.isatty()

    def put(self, text: str) -> None:
        """Show a text, cut to the terminal's width."""
        self._write(f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}")

    def clear(self) -> None:
        self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        if self.is_terminal:
            self._out.write(text)
            self._out.flush()


def _bar(share: float) -> str:
    full = round(share * _BAR)
    return f"[{'#' * full}{'.' * (_BAR - full)}]"


class ProgressLine:
    """Progress of a run, written to `out`. Pass every state to `show`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = TerminalLine(out)
        self._shown = ""
        self._start = time.monotonic()

    def show(self, state: RunState) -> None:
        """Show this state if it reads differently from the last one."""
        line = self._line(state)
        if line and line != self._shown:
            self._shown = line
            if self._terminal.is_terminal:
                self._terminal.put(line)
            else:
                self._out.write(f"{line}\n")
                self._out.flush()

    def end(self) -> None:
        """Clear the terminal's line for other output."""
        if self._shown:
            self._terminal.clear()

    def _line(self, state: RunState) -> str:
        match state.phase:
            case Phase.WAITING if state.uploading:
                return "Sending your files"
            case Phase.WAITING:
                before = state.queue_place
                return f"In the queue, {before} ahead" if before else "In the queue"
            case Phase.RUNNING if self._terminal.is_terminal:
                return self._bar_line(state)
            case Phase.RUNNING:
                return _doing(state)
            case _:
                return ""

    def _bar_line(self, state: RunState) -> str:
        share = state.progress.fraction
        step = f" {state.step}/{state.steps}" if state.steps else ""
        seconds = time.monotonic() - self._start
        return f"{_bar(share)} {share:4.0%} {seconds:5.1f} s  {_doing(state)}{step}"


def _doing(state: RunState) -> str:
    return state.node_title or (
        "Finishing" if state.over else "Starting" if not state.nodes_done else "Working"
    )


class BatchLine:
    """Number of finished `rows` in a batch, on a terminal only. `done` is the number at the
    start."""

    def __init__(self, out: TextIO, rows: int, done: int) -> None:
        self._terminal = TerminalLine(out)
        self._rows, self._done, self._ended = rows, done, 0
        self._start = time.monotonic()

    def show(self, failed: int) -> None:
        """Show the progress, with `failed` rows."""
        past = self._done + self._ended
        failed_text = f"  {failed} failed" if failed else ""
        self._terminal.put(
            f"{_bar(past / self._rows)} {past}/{self._rows}{failed_text}{self._left()}"
        )

    def ended(self) -> None:
        """Count one more ended row, and clear the line for its output."""
        self._ended += 1
        self.clear()

    def clear(self) -> None:
        self._terminal.clear()

    def _left(self) -> str:
        if not self._ended:
            return ""
        rest = self._rows - self._done - self._ended
        seconds = (time.monotonic() - self._start) / self._ended * rest
        return f"  about {duration_words(seconds)} left" if rest else ""


def duration_words(seconds: float) -> str:
    """Format a duration in the first unit with at least two, otherwise in seconds."""
    unit, size = next(
        (one for one in (("h", 3600), ("min", 60)) if seconds >= 2 * one[1]), ("s", 1)
    )
    return f"{max(1.0, seconds / size):.0f} {unit}"


class ChainLine:
    """Progress of a chain, on a terminal only: one bar for all steps, and the active ones. `titles`
    has the titles of all steps by name."""

    def __init__(self, out: TextIO, titles: Mapping[str, str]) -> None:
        self._terminal = TerminalLine(out)
        self._titles = titles
        self._ended: Counter[str] = Counter()
        self._runs: dict[str, int] = {}

    def show(self, states: Mapping[tuple[str, int], RunState]) -> None:
        """Show the progress; `states` has the waiting and running runs, by step and number."""
        live: dict[str, list[RunState]] = {}
        for (step, _), state in states.items():
            live.setdefault(step, []).append(state)
        share = sum(self._share(step, live.get(step, [])) for step in self._titles)
        done = sum(self._ended[step] >= runs for step, runs in self._runs.items())
        bar = f"{_bar(share / len(self._titles))} {done}/{len(self._titles)}"
        at_work = (
            f"{self._titles[step]}: {_doing(state)}"
            for step, several in live.items()
            for state in several
            if state.phase is Phase.RUNNING
        )
        self._terminal.put(f"{bar}  {next(at_work, '')}".rstrip())

    def ended(self, step: str, runs: int) -> None:
        """Count an ended run of a step, and clear the line for its output."""
        self._ended[step] += 1
        self._runs[step] = runs
        self.clear()

    def clear(self) -> None:
        self._terminal.clear()

    def _share(self, step: str, live: Sequence[RunState]) -> float:
        ended = self._ended[step]
        runs = max(self._runs.get(step, 0), ended + len(live), 1)
        return (ended + sum(state.progress.fraction for state in live)) / runs
