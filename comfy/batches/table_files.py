"""Find the files that a table's cells name among the uploaded files. Pure."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping

from comfy.base.messages import message
from comfy.base.wording import short
from comfy.prompt.value_types import BadValue


def plain_path(name: str) -> str:
    """Return the path that a cell names, with normalized separators and Unicode; macOS decomposes
    accented letters."""
    return unicodedata.normalize("NFC", name.strip().replace("\\", "/").removeprefix("./"))


class TableFiles:
    """Files by their paths."""

    def __init__(self, files: Mapping[str, object]) -> None:
        self._by_last = defaultdict[str, list[tuple[str, object]]](list)
        for name, file in files.items():
            path = plain_path(name)
            self._by_last[_last(path)].append((path, file))

    def find(self, name: str) -> object:
        """Return the file with this path, or the only one with this name in any folder. Raises
        BadValue for no match or several."""
        path = plain_path(name)
        among = self._by_last.get(_last(path), [])
        matches = [file for one, file in among if one == path]
        matches = matches or [file for one, file in among if one.endswith(f"/{path}")]
        match matches:
            case [file]:
                return file
            case []:
                raise BadValue(
                    message("The table needs “{file}”. Add that file.", file=short(name))
                )
        raise BadValue(
            message("Several files are named “{file}”. Include the folder name.", file=short(name))
        )


def _last(path: str) -> str:
    return path.rpartition("/")[2]
