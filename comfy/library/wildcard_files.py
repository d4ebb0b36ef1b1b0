"""Text files with one text per line, for fields that accept several values: `a boat at __places__`
stands for one text per line of `places.txt`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from comfy.base.messages import message, sentences
from comfy.base.wording import did_you_mean, short
from comfy.prompt.value_types import BadValue

FOLDER = "wildcards"  # next to the workflows


@dataclass(frozen=True, slots=True)
class WildcardFiles:
    """Wildcard files of a folder and its subfolders: `places.txt` and `seas/cold.txt` are named
    `places` and `seas/cold`. A missing folder counts as empty. The folder is read again at each
    use."""

    folder: Path

    def lines(self, name: str) -> Sequence[str]:
        """Return a file's lines, without empty lines and lines that begin with `#`. Raises BadValue
        if the file is missing, unreadable or empty."""
        files = {
            file.relative_to(self.folder).with_suffix("").as_posix(): file
            for file in self.folder.rglob("*.txt")
        }
        file = files.get(name)
        if file is None:
            raise BadValue(
                sentences(
                    message("There's no wildcard file “{name}.txt”.", name=short(name)),
                    did_you_mean(name, files),
                    message(
                        "Write {escaped} for the literal text.", escaped=f"\\__{short(name)}__"
                    ),
                )
            )
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, ValueError):
            problem = message("The wildcard file “{name}” can't be read.", name=short(name))
            raise BadValue(problem) from None
        stripped_lines = [line.strip() for line in text.splitlines()]
        lines = [line for line in stripped_lines if line and not line.startswith("#")]
        if not lines:
            raise BadValue(message("The wildcard file “{name}” is empty.", name=short(name)))
        return lines
