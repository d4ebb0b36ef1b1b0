"""The files that cells of a table name, among those that were given with it. Pure."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping

from comfy.base.messages import message
from comfy.base.wording import short
from comfy.prompt.value_types import BadValue


def plain_path(name: str) -> str:
    """The path that a cell names, with one way of writing folders and accents; macOS takes letters
    and accents apart."""
    return unicodedata.normalize("NFC", name.strip().replace("\\", "/").removeprefix("./"))


class TableFiles:
    """Files by their names, with the folders that they lie in before them."""

    def __init__(self, files: Mapping[str, object]) -> None:
        self._by_last = defaultdict[str, list[tuple[str, object]]](list)
        for name, file in files.items():
            path = plain_path(name)
            self._by_last[_last(path)].append((path, file))

    def find(self, name: str) -> object:
        """Return the file with this path, or the only one with this name in any folder. BadValue
        for no match or several."""
        path = plain_path(name)
        among = self._by_last.get(_last(path), [])
        found = [file for one, file in among if one == path]
        found = found or [file for one, file in among if one.endswith(f"/{path}")]
        match found:
            case [file]:
                return file
            case []:
                raise BadValue(
                    message("There is no file “{file}” with the table.", file=short(name))
                )
        raise BadValue(
            message("Several files are called “{file}”. Write its folder, too.", file=short(name))
        )


def _last(path: str) -> str:
    return path.rpartition("/")[2]
