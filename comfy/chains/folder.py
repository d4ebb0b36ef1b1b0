"""Chains in a folder of workflows."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from comfy.base.errors import WorkflowError, words_of
from comfy.base.messages import message
from comfy.chains.chosen import chosen
from comfy.chains.fields import in_step, lacks_workflow
from comfy.chains.model import Chain, ChainErrors, Step
from comfy.chains.read import SUFFIX, read_chain
from comfy.library.folder import (
    MOST,
    FolderEntry,
    State,
    files_below,
    listed_by_name,
    names_like,
    not_found,
    state_of,
    write_new,
)
from comfy.workflow.cover import cover_problem
from comfy.workflow.model import title_from_name

_ENDING = ".chain"  # in the names of chains; workflow names may have it too


class ChainFolder:
    """Chains by name: the file's path in the folder without ".toml", such as
    "portraits/soft-light.chain". A missing folder is empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[str, tuple[State, Chain | ChainErrors]] = {}
        self._reading = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name.endswith(_ENDING) and name in _files(self.path)

    def entries(self) -> tuple[FolderEntry, ...]:
        """Return all chains by title, unreadable ones last."""
        entries = [self._entry(name, file) for name, file in _files(self.path).items()]
        return tuple(sorted(entries, key=lambda one: (bool(one.problem), one.title.casefold())))

    def problems(self, workflows: Mapping[str, str]) -> Mapping[str, str]:
        """Return why each chain can't be used, by name; "" if it can. `workflows` has the same for
        the workflows in the folder."""
        files = _files(self.path)
        return {name: _problem(self._current(name, files[name]), workflows) for name in files}

    def stamps(self) -> Mapping[str, State]:
        """Return the state of each chain's file, by name."""
        return {name: state_of(file) for name, file in _files(self.path).items()}

    def get(self, name: str) -> Chain:
        """Return the chain called `name`, with a title, and its workflows by their names in the
        folder. Raises WorkflowError if it doesn't exist, ChainErrors if it can't be used."""
        # The name comes from the browser's address, so it must not become a path.
        file = _files(self.path).get(name)
        if file is None:
            raise WorkflowError(
                not_found(name),
                message("Choose another workflow."),
            )
        match self._current(name, file):
            case Chain() as chain:
                return chain
            case problem:
                raise problem

    def add(self, title: str, text: str) -> str:
        """Write a chain's text to a new file, and return the chain's name. Raises WorkflowError."""
        if len(_files(self.path)) >= MOST:
            raise WorkflowError(
                message("The server has no room for more."),
                message("Ask the administrator."),
            )
        # A workflow may have the same name, and then the TOML file configures that workflow.
        free = (
            name
            for name in names_like(title, "chain")
            if not any(self.path.glob(f"{name}{_ENDING}.*"))
        )
        name = next(free)
        try:
            write_new({self.path / f"{name}{SUFFIX}": text.encode(errors="replace")})
        except OSError as error:
            raise WorkflowError(
                message("A file couldn't be saved: {why}.", why=words_of(error)),
                message("Ask the administrator."),
            ) from error
        return f"{name}{_ENDING}"

    def folder_of(self, name: str) -> Path:
        """Return the folder of the files that a chain names."""
        return _files(self.path)[name].parent

    def _entry(self, name: str, file: Path) -> FolderEntry:
        match self._current(name, file):
            case Chain(title=title, description=description, cover=cover):
                image = file.with_name(cover) if cover else None
                return FolderEntry(name, title, description, image)
            case problem:
                return FolderEntry(name, _title_of(name), problem=str(problem))

    def _current(self, name: str, file: Path) -> Chain | ChainErrors:
        state = state_of(file)
        with self._reading:
            known = self._read.get(name)
            if known is None or known[0] != state:
                known = self._read[name] = (state, _chain(file, name))
            return known[1]


def _problem(chain: Chain | ChainErrors, workflows: Mapping[str, str]) -> str:
    """Return why a chain can't run with its defaults, or ""."""
    if isinstance(chain, ChainErrors):
        return str(chain)
    try:
        steps = chosen(chain, {}).steps
    except ChainErrors as problem:
        return str(problem)
    return next(filter(None, (_problem_of_step(step, workflows) for step in steps)), "")


def _problem_of_step(step: Step, workflows: Mapping[str, str]) -> str:
    if step.workflow not in workflows:
        return lacks_workflow(step)
    problem = workflows[step.workflow]
    return in_step(step, problem) if problem else ""


def _title_of(name: str) -> str:
    """Return the title of a chain whose file has none."""
    return title_from_name(name.removesuffix(_ENDING))


def _files(folder: Path) -> dict[str, Path]:
    return listed_by_name(
        folder, (file for file in files_below(folder) if file.name.endswith(SUFFIX))
    )


def _chain(file: Path, name: str) -> Chain | ChainErrors:
    try:
        chain = read_chain(file)
    except ChainErrors as problem:
        return problem
    beside = PurePosixPath(name).parent
    steps = tuple(
        replace(step, workflow=(beside / step.workflow.removesuffix(".json")).as_posix())
        for step in chain.steps
    )
    cover = chain.cover if chain.cover and not cover_problem(file.with_name(chain.cover)) else ""
    return replace(chain, title=chain.title or _title_of(name), cover=cover, steps=steps)
