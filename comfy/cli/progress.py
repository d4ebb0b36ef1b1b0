"""How far a run is, on a terminal as a bar, elsewhere as a line whenever something new begins."""

from __future__ import annotations

import shutil
import time
from typing import TextIO

from comfy.protocol.run_state import Phase, RunState

_BAR = 24


class ProgressLine:
    """Writes to `out`; give it every state."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._bar = out.isatty()
        self._shown = ""
        self._start = time.monotonic()

    def show(self, state: RunState) -> None:
        """Show this state if it reads differently from the last one."""
        line = self._line(state)
        if line and line != self._shown:
            self._shown = line
            if self._bar:
                width = shutil.get_terminal_size().columns - 1
                self._write(f"\r\x1b[K{line[:width]}")
            else:
                self._write(f"{line}\n")

    def end(self) -> None:
        """Leave the terminal's line free for what follows."""
        if self._bar and self._shown:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def _line(self, state: RunState) -> str:
        match state.phase:
            case Phase.WAITING if state.uploading:
                return "Sending your files"
            case Phase.WAITING:
                before = state.queue_place
                return f"In the queue, {before} ahead" if before else "In the queue"
            case Phase.RUNNING if self._bar:
                return self._bar_line(state)
            case Phase.RUNNING:
                return _doing(state)
            case _:
                return ""

    def _bar_line(self, state: RunState) -> str:
        share = state.progress.fraction
        full = round(share * _BAR)
        step = f" {state.step}/{state.steps}" if state.steps else ""
        seconds = time.monotonic() - self._start
        return (
            f"[{'#' * full}{'.' * (_BAR - full)}] {share:4.0%} {seconds:5.1f} s "
            f" {_doing(state)}{step}"
        )


def _doing(state: RunState) -> str:
    return state.node_title or (
        "Finishing" if state.over else "Starting" if not state.nodes_done else "Working"
    )
