"""Storage of the input, output and temp folders, with safe paths and numbered names. Its size is
limited."""

from __future__ import annotations

import mimetypes
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args

Folder = Literal["input", "output", "temp"]

MOST_BYTES = 256 * 1024**2  # of all files
# Control characters, half a character, and more bytes than a name or a path can have
_UNSAFE = re.compile(rb"[\0-\x1f\x7f]|\xed[\xa0-\xbf]|[^/]{256}|.{1025}")
_NUMBER = re.compile(r"\d{1,20}")
_ANNOTATION = re.compile(r"^(?P<name>.*?) ?\[(?P<folder>input|output|temp)\]$", re.DOTALL)


class UnsafePath(ValueError):
    """A name that leads outside its folder, or that a file can't have everywhere."""


class StorageFull(Exception):
    """The running prompt's files need more room than there is. Clients know the message's first
    words from a full disk."""


class Storage:
    """Three folders in one temporary directory, removed by `close`. Thread-safe.

    If the files are more than `most_bytes`, the oldest are deleted, but none that an unfinished
    prompt needs: `named` returns the file values in those prompts.

    File values have the form `subfolder/name`, or `name [output]` and `name [temp]` for files of
    earlier runs (docs/comfyui.md#22).
    """

    def __init__(
        self, *, paints: bool = False, built_in: bool = False, most_bytes: int = MOST_BYTES
    ) -> None:
        """`paints`: nodes paint the input files that don't exist. `built_in`: see `DemoServer`."""
        self.paints = paints
        self.built_in = built_in
        self.named: Callable[[], Iterable[str]] = tuple
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._sizes: dict[Path, int] = {}  # in bytes; the oldest first
        self._results: set[Path] = set()  # of the newest prompt
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
        """Return `folder/relative`, resolved. Raises UnsafePath if it isn't inside the folder, has
        control characters or is too long."""
        if _UNSAFE.search(relative.encode(errors="surrogatepass")):
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
        present = directory.iterdir() if directory.is_dir() else ()
        names = (path.name for path in present if path.name.startswith(f"{bare}_"))
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
        self.write(directory / filename, data, is_result=True)
        return {"filename": filename, "subfolder": subfolder, "type": folder}

    def write(self, path: Path, data: bytes, *, is_result: bool = False) -> None:
        """Write or replace a file. Raises StorageFull for a result of the running prompt."""
        with self._lock:
            self._sizes.pop(path, None)
            self._sizes[path] = len(data)
            if is_result:
                self._results.add(path)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            except OSError:
                self._remove(path)
                raise
            if self._is_full():
                self._make_room(path)
            if is_result and self._is_full():
                self._remove(path)
                raise StorageFull("No space left: the files of this workflow are too large.")

    def begin(self) -> None:
        """Note that another prompt begins: the results of the one before may be deleted."""
        with self._lock:
            self._results.clear()

    def remove(self, path: Path) -> None:
        """Delete a file, and the folders that it leaves empty."""
        with self._lock:
            self._remove(path)

    def listed(self, output: Mapping[str, Any]) -> list[Path]:
        """Return the paths of the files in a node's output."""
        items = (item for items in output.values() if isinstance(items, list) for item in items)
        return [
            self.inside(folder, f"{item.get('subfolder', '')}/{item['filename']}".lstrip("/"))
            for item in items
            if isinstance(item, dict) and "filename" in item
            if (folder := self.folder(item.get("type", "output"))) is not None
        ]

    def _is_full(self) -> bool:
        return sum(self._sizes.values()) > self._most_bytes

    def _make_room(self, new: Path) -> None:
        needed = {new, *self._results, *map(self.find, self.named())}
        for path in [one for one in self._sizes if one not in needed]:
            self._remove(path)
            if not self._is_full():
                return

    def _remove(self, path: Path) -> None:
        self._sizes.pop(path, None)
        self._results.discard(path)
        with suppress(OSError):  # Windows: it is being read. Folders: one has other files
            path.unlink(missing_ok=True)
            for folder in path.relative_to(self._root).parents[:-2]:
                (self._root / folder).rmdir()
