"""Storage of the input, output and temp folders, with safe paths and numbered names."""

from __future__ import annotations

import mimetypes
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Literal, get_args

Folder = Literal["input", "output", "temp"]

_NUMBER = re.compile(r"\d{1,20}")
_ANNOTATION = re.compile(r"^(?P<name>.*?) ?\[(?P<folder>input|output|temp)\]$", re.DOTALL)


class UnsafePath(ValueError):
    """A name that leads outside its folder."""


class Storage:
    """Three folders in one temporary directory, removed by `close`.

    File values have the form `subfolder/name`, or `name [output]` and `name [temp]` for files of
    earlier runs (docs/comfyui.md#22).
    """

    def __init__(self, *, paints: bool = False) -> None:
        """`paints`: nodes paint the input files that don't exist."""
        self.paints = paints
        self._root = Path(tempfile.mkdtemp(prefix="comfy-demo-")).resolve()
        self.user = self._root / "user"  # of the editor
        for folder in (*map(self._root.joinpath, get_args(Folder)), self.user):
            folder.mkdir()

    def close(self) -> None:
        """Delete all uploaded and saved files."""
        shutil.rmtree(self._root, ignore_errors=True)

    def folder(self, name: str) -> Path | None:
        """Return the directory called input, output or temp; None for any other name."""
        return self._root / name if name in get_args(Folder) else None

    def inside(self, folder: Path, relative: str) -> Path:
        """Return `folder/relative`, resolved. Raises UnsafePath if it isn't inside the folder."""
        if "\0" in relative:
            raise UnsafePath(relative)
        path = (folder / relative).resolve()
        if not path.is_relative_to(folder):
            raise UnsafePath(relative)
        return path

    def split_annotation(self, name: str) -> tuple[str, Path | None]:
        """Split ` [output]` from a file value. Return the bare name and the named folder, if
        any."""
        if (match := _ANNOTATION.match(name)) is None:
            return name, None
        return match["name"], self._root / match["folder"]

    def find(self, value: str) -> Path | None:
        """Return the file that a LoadImage value refers to, or None if it doesn't exist (or must
        not be read)."""
        name, folder = self.split_annotation(value)
        try:
            path = self.inside(folder or self._root / "input", name)
        except UnsafePath:
            return None
        return path if path.is_file() else None

    def input_files(self, media: str) -> list[str]:
        """Return the files that LoadImage offers: files of one media type (image, audio …) directly
        in the input folder."""
        names = (path.name for path in (self._root / "input").iterdir() if path.is_file())
        types = {name: mimetypes.guess_type(name, strict=False)[0] or "" for name in names}
        return sorted(name for name, kind in types.items() if kind.startswith(f"{media}/"))

    def next_name(
        self, folder: Folder, prefix: str, size: tuple[int, int] = (0, 0)
    ) -> tuple[Path, str, str, int]:
        """Return a save node's target: directory, subfolder, bare prefix and the first free number.

        `%width%`, `%height%` and `%year%` … `%second%` in the prefix are replaced, as on the real
        server. Raises UnsafePath for a prefix that leads outside the folder.
        """
        now = time.localtime()
        fields = {"width": size[0], "height": size[1], "year": now.tm_year}
        parts = {"month": now.tm_mon, "day": now.tm_mday, "hour": now.tm_hour, "minute": now.tm_min}
        for name, number in fields.items():
            prefix = prefix.replace(f"%{name}%", str(number))
        for name, number in {**parts, "second": now.tm_sec}.items():
            prefix = prefix.replace(f"%{name}%", f"{number:02}")
        target = self.inside(self._root / folder, prefix)
        directory, bare = target.parent, target.name
        if not directory.is_relative_to(self._root / folder):
            raise UnsafePath(prefix)
        directory.mkdir(parents=True, exist_ok=True)
        names = (path.name for path in directory.iterdir() if path.name.startswith(f"{bare}_"))
        taken = (int(match[0]) for name in names if (match := _NUMBER.match(name, len(bare) + 1)))
        subfolder = directory.relative_to(self._root / folder).as_posix()
        return directory, "" if subfolder == "." else subfolder, bare, max(taken, default=0) + 1

    def put(
        self, folder: Folder, prefix: str, ending: str, data: bytes, size: tuple[int, int] = (0, 0)
    ) -> dict[str, str]:
        """Save a file under the next free name, and return how a node lists it. Raises
        UnsafePath."""
        directory, subfolder, name, number = self.next_name(folder, prefix, size)
        filename = f"{name}_{number:05}{ending}"
        (directory / filename).write_bytes(data)
        return {"filename": filename, "subfolder": subfolder, "type": folder}
