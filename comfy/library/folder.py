"""The workflow folder and its subfolders: lists the current files and reads each once until it
changes."""

from __future__ import annotations

import itertools
import logging
import math
import os
import re
import threading
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from comfy.base.errors import WorkflowError, WorkflowNotFound, words_of
from comfy.base.files import plain_name
from comfy.base.messages import Message, message
from comfy.workflow.config import SHIPPED_FOLDERS, FormConfig
from comfy.workflow.cover import cover_of, images_of, made_cover_of
from comfy.workflow.model import Workflow, read_workflow
from comfy.workflow.model import title_from_name as title_of_name
from comfy.workflow.node_mappings import MAPPINGS
from comfy.workflow.settings import FieldNames, merge_settings, parsed_settings

# File types that may contain a workflow. If two files share a name, the earlier type wins.
_IMAGES = (".png", ".webp", ".jpg", ".jpeg", ".gif", ".avif")
_SUFFIXES = (".json", *_IMAGES, ".mp4", ".webm", ".mov", ".mp3", ".flac", ".ogg", ".opus")
MOST = 500  # workflows; limits those that users add, not files that are put in the folder
_MOST_BYTES = 4 * 2**30  # total of their files, with the same exception
_DEEPEST = 4  # sub-folders
_WORD = re.compile(r"\w+")
log = logging.getLogger(__name__)
State = tuple[int, int] | None  # of a file: modification time (ns), size (bytes)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Identity of a workflow's version: its file, and the TOML files that describe it."""

    file: Path
    states: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A workflow in the folder. `problem`: the reason why it can't be read, or "". `order`: its
    author's position number, or infinite. `cover`: its author's example image. `images`: all images
    that its author put beside it."""

    name: str
    title: str
    description: str = ""
    cover: Path | None = None
    problem: str = ""
    order: float = math.inf
    images: tuple[Path, ...] = ()

    @property
    def folder(self) -> str:
        """Return the subfolder as shown to users, such as “Portraits / Soft light”, or "" for the
        top folder."""
        parts = self.name.split("/")[:-1]
        is_ours = isinstance(self.title, Message)
        if is_ours and (ours := SHIPPED_FOLDERS.get("/".join(parts))):
            return ours
        return " / ".join(map(title_of_name, parts))


class WorkflowFolder:
    """Workflows by name: the file name without its extension, with subfolders, such as
    `portraits/soft-light`. A missing folder is empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[str, tuple[Stamp, State, Workflow | WorkflowError]] = {}
        # One of several concurrent callers reads a workflow for all.
        self._reading = threading.Lock()
        self._left_out: frozenset[str] = frozenset()  # names that were already logged

    def entries(self, covers: Collection[Path | None] = ()) -> tuple[FolderEntry, ...]:
        """Return every workflow in the folder: first by order, then by title, and unreadable ones
        last. `covers`: images that belong to something else."""
        self._tell_left_out()
        known = set(self._read)  # before listing, because files read later may be new
        stamps = self.stamps()
        with self._reading:
            for name in known - stamps.keys():
                self._read.pop(name, None)
        entries = [self._entry(name, stamp) for name, stamp in stamps.items()]
        images = {*covers, *(image for one in entries for image in one.images)}
        listed = (one for one in entries if not (one.problem and stamps[one.name].file in images))
        return tuple(
            sorted(
                listed,
                key=lambda one: (bool(one.problem), one.order, one.title.casefold(), one.name),
            )
        )

    def stamps(self) -> Mapping[str, Stamp]:
        """Return the stamps by name. A stamp changes when the workflow, or a TOML file beside it,
        is added, edited or removed."""
        return {name: _stamp(file) for name, file in _files(self.path).items()}

    def get(self, name: str) -> Workflow:
        """Return the workflow called `name`. Raises WorkflowError if it doesn't exist or can't be
        read."""
        # The name comes from a URL, so it is looked up among the files and never used as a path.
        # The cache saves callers that iterate over all workflows from listing the files for each.
        known = self._read.get(name)
        file = known[0].file if known else None
        if file is None or not _is_first(file):
            file = _files(self.path).get(name)
        if file is None:
            raise WorkflowNotFound(
                not_found(name),
                message("Choose another workflow."),
            )
        match self._current(name, _stamp(file)):
            case Workflow() as workflow:
                return workflow
            case problem:
                raise problem

    def add(
        self,
        file_name: str,
        data: bytes,
        title: str,
        settings: str | None = None,
        *,
        below: str = "",
    ) -> str:
        """Store a file under a free name like its own, and return the workflow's name. `settings`:
        the TOML text of its form. If neither gives this title, the TOML file also gets it. `below`:
        a subfolder. Raises WorkflowError."""
        suffix = Path(file_name).suffix.lower()
        if suffix not in _SUFFIXES:
            raise WorkflowError(
                message("Files ending in “{ending}” can't be added here.", ending=suffix),
                message("Save the workflow as JSON."),
            )
        taken = _files(self.path)
        sizes = [state[1] for state in map(state_of, taken.values()) if state]
        if len(taken) >= MOST or sum(sizes) + len(data) > _MOST_BYTES:
            raise WorkflowError(
                message("The server has no room for more."),
                message("Ask the administrator."),
            )
        first = f"{below}/" if below else ""
        # A leftover TOML file belongs to another workflow.
        name = next(
            name
            for name in (first + one for one in _names_for(file_name))
            if name not in taken and not (self.path / f"{name}.toml").exists()
        )
        files = {self.path / f"{name}{suffix}": data}
        if title != title_of_name(name) or settings is not None:
            text = _with_title(settings or "", title)
            files[self.path / f"{name}.toml"] = text.encode(errors="replace")
        try:
            if below:
                (self.path / below).mkdir(parents=True, exist_ok=True)
            write_new(files)
        except OSError as error:
            raise WorkflowError(
                message("A file couldn't be saved: {why}.", why=words_of(error)),
                message("Ask the administrator."),
            ) from error
        return name

    def _tell_left_out(self) -> None:
        """Log each unlisted file once."""
        endings = (*_SUFFIXES, ".toml")
        files = (file for file in files_below(self.path) if file.suffix.lower() in endings)
        names = {_name_of(self.path, file) for file in files}
        left_out = {name for name in names if not _can_be_listed(name)}
        with self._reading:
            new, self._left_out = left_out - self._left_out, frozenset(left_out)
        for name in sorted(new):
            log.warning("%r in the workflow folder has a line break in its name: rename it.", name)

    def _entry(self, name: str, stamp: Stamp) -> FolderEntry:
        match self._current(name, stamp):
            case Workflow() as workflow:
                config = workflow.config or FormConfig()
                return FolderEntry(
                    name,
                    _workflow_title(workflow),
                    config.description or "",
                    workflow.cover,
                    order=math.inf if config.order is None else config.order,
                    images=tuple(images_of(stamp.file, workflow.config)),
                )
            case problem:
                return FolderEntry(name, stamp.file.stem, problem=str(problem))

    def _current(self, name: str, stamp: Stamp) -> Workflow | WorkflowError:
        with self._reading:
            known = self._read.get(name)
            if known is None or known[0] != stamp or known[1] != _cover_state(stamp, known[2]):
                read = _read(stamp.file, name)
                known = self._read[name] = (stamp, _cover_state(stamp, read), read)
            return known[2]


def name_of_file(file_name: str) -> str:
    """Return the name that a workflow in a file with this name gets if it is free."""
    return next(_names_for(file_name))


def _names_for(file_name: str) -> Iterator[str]:
    return names_like(Path(file_name).stem.removesuffix(".app"), "workflow")


def names_like(text: str, otherwise: str) -> Iterator[str]:
    """Yield names for a new file, without an extension, based on `text`: the plain name, then
    endless numbered ones. `otherwise` replaces a text without usable characters."""
    words = plain_name("-".join(_WORD.findall(text))[:60] or otherwise)
    return itertools.chain([words], (f"{words}-{number}" for number in itertools.count(2)))


def write_new(files: Mapping[Path, bytes]) -> None:
    """Create these files completely, or none of them. Raises OSError, also if a file exists."""
    created_paths = []
    try:
        for path, data in files.items():
            with path.open("xb") as file:
                created_paths.append(path)
                file.write(data)
    except OSError:
        for path in created_paths:
            path.unlink(missing_ok=True)
        raise


def _with_title(settings: str, title: str) -> str:
    """Return the text of a TOML file with this title, unless it has one."""
    try:
        config = parsed_settings(settings, FieldNames())
    except tomllib.TOMLDecodeError:
        return settings
    return merge_settings(settings, replace(config, title=config.title or title), FieldNames())


def not_found(name: str) -> str:
    """Return the message about an unknown workflow."""
    return message("Workflow “{name}” not found.", name=name[:80])


def _workflow_title(workflow: Workflow) -> str:
    """Return the workflow's title: its author's, its graph's, or its file name as words."""
    config = workflow.config or FormConfig()
    return config.title or workflow.title or title_of_name(workflow.name)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders, except hidden ones. Links to folders aren't
    followed: they may lead outside the folder, or back into it."""
    for path, folders, names in os.walk(folder):
        here = Path(path)
        is_deepest = len(here.relative_to(folder).parts) == _DEEPEST
        folders[:] = [] if is_deepest else [name for name in folders if not name.startswith(".")]
        yield from (here / name for name in names if not name.startswith("."))


def state_of(file: Path) -> State:
    """Return values that change when a file is written; None if it doesn't exist."""
    try:
        state = file.stat()
    except OSError:
        return None
    return (state.st_mtime_ns, state.st_size)


def workflow_file(files: Iterable[Path]) -> Path | None:
    """Return the one of these files with the same name that contains the workflow; None if none of
    them can."""
    possible = [file for file in files if file.suffix.lower() in _SUFFIXES]
    return min(possible, key=lambda file: _SUFFIXES.index(file.suffix.lower()), default=None)


def _files(folder: Path) -> dict[str, Path]:
    """Return the files that may contain a workflow, by name."""
    files = [
        file
        for file in files_below(folder)
        if file.suffix.lower() in _SUFFIXES and made_cover_of(file) is None
    ]
    files.sort(key=lambda file: _SUFFIXES.index(file.suffix.lower()), reverse=True)
    return listed_by_name(folder, files)


def listed_by_name(folder: Path, files: Iterable[Path]) -> dict[str, Path]:
    """Return a folder's files by name: without extensions, with subfolders."""
    named = {_name_of(folder, file): file for file in files}
    return {name: file for name, file in named.items() if _can_be_listed(name)}


def _name_of(folder: Path, file: Path) -> str:
    return file.relative_to(folder).with_suffix("").as_posix()


def _can_be_listed(name: str) -> bool:
    """Return whether a workflow with this name can be opened. No route matches a line break."""
    return "\n" not in name


def _is_first(file: Path) -> bool:
    """Return whether a known file still exists, and no file with an earlier type hides it."""
    before = _SUFFIXES[: _SUFFIXES.index(file.suffix.lower())]
    return file.is_file() and not any(file.with_suffix(ending).exists() for ending in before)


def _read(file: Path, name: str) -> Workflow | WorkflowError:
    try:
        return read_workflow(file, name)
    except WorkflowError as problem:
        return problem


def _stamp(file: Path) -> Stamp:
    return Stamp(
        file,
        (state_of(file), state_of(file.with_suffix(".toml")), state_of(file.with_name(MAPPINGS))),
    )


def _cover_state(stamp: Stamp, read: Workflow | WorkflowError) -> State:
    cover = cover_of(stamp.file, read.config) if isinstance(read, Workflow) else None
    return state_of(cover) if cover else None
