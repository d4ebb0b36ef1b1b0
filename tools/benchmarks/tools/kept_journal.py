"""A journal file with the outcome of each of a stand-in's prompts, even if the stand-in is
killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from comfyui_standin.server.prompt_queue import Journal, LogEntry


class KeptJournal(Journal):
    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def add(self, prompt_id: str, entry: LogEntry) -> None:
        with self._file.open("a", encoding="ascii") as file:
            file.write(f"{prompt_id} {entry}\n")
        super().add(prompt_id, entry)


def successes(files: Iterable[Path]) -> Counter[str]:
    lines = (line.split() for file in files for line in file.read_text("ascii").splitlines())
    return Counter(prompt_id for prompt_id, entry in lines if entry == "success")
