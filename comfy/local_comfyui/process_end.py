"""Meaning of the end of a ComfyUI process. Pure."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass

from comfy.base.messages import message
from comfy.comfyui.protocol.run_state import RunError

_FIRST_SIGNAL = 128  # exit codes of shells and of `guard.py`
_KILLED = 9
_OUT_OF_MEMORY = re.compile(
    r"out of memory|OutOfMemory|MemoryError|can't allocate memory|cannot allocate memory"
    r"|bad_alloc|not enough memory",
    re.I,
)
_SMALLER = message("Choose a smaller size, fewer images or a smaller model, then try again.")
_AGAIN = message("Try again. If this keeps happening, contact the administrator.")
_BY_ADMINISTRATOR = RunError(
    message("An administrator restarted ComfyUI during this run."), message("Try again.")
)


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """End of a ComfyUI process. `exit_code`: as from `guard.py`. `wanted`: the app ended it.
    `is_out_of_memory`: the system killed it, or its last lines say so."""

    exit_code: int
    wanted: bool
    is_out_of_memory: bool

    @classmethod
    def of(cls, exit_code: int, last_lines: Iterable[str], *, wanted: bool) -> ProcessEnd:
        """Judge an end by the exit code and the last lines of the log."""
        memory = exit_code == _FIRST_SIGNAL + _KILLED or any(map(_OUT_OF_MEMORY.search, last_lines))
        return cls(exit_code, wanted, memory and not wanted)

    @property
    def reason(self) -> str:
        """Return the exit code or the signal's name."""
        number = self.exit_code - _FIRST_SIGNAL
        if number in {one.value for one in signal.Signals}:
            return signal.Signals(number).name
        return message("exit code {code}", code=self.exit_code)

    @property
    def sentence(self) -> str:
        """Return the sentence for administrators."""
        if self.wanted:
            return message("ComfyUI was restarted.")
        if self.is_out_of_memory:
            return message("ComfyUI ran out of memory and ended ({reason}).", reason=self.reason)
        return message("ComfyUI crashed ({reason}).", reason=self.reason)

    @property
    def run_error(self) -> RunError:
        """Return the error of a run that was active then."""
        if self.wanted:
            return _BY_ADMINISTRATOR
        if self.is_out_of_memory:
            sentence = message("ComfyUI ran out of memory during this run and was restarted.")
            return RunError(sentence, _SMALLER, detail=self.reason)
        sentence = message("ComfyUI crashed during this run and was restarted.")
        return RunError(sentence, _AGAIN, detail=self.reason)
