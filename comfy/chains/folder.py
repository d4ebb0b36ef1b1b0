"""The chains of a folder of workflows."""

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

_ENDING = ".chain"  # of the names of chains, which workflows' can have as well


class ChainFolder:
    """Chains by name, which is the file's without ".toml", behind the names of its sub-folders:
    "portraits/soft-light.chain". A missing folder is an empty one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[str, tuple[State, Chain | ChainErrors]] = {}
        self._reading = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name.endswith(_ENDING) and name in _files(self.path)

    def entries(self) -> tuple[FolderEntry, ...]:
        """Every chain in the folder, by title; those that cannot be read come last."""
        found = [self._entry(name, file) for name, file in _files(self.path).items()]
        return tuple(sorted(found, key=lambda one: (bool(one.problem), one.title.casefold())))

    def problems(self, workflows: Mapping[str, str]) -> Mapping[str, str]:
        """Why each chain cannot be used, by name, "" where it can. `workflows`: the same of those
        in the folder, which its steps need."""
        files = _files(self.path)
        return {name: _problem(self._current(name, files[name]), workflows) for name in files}

    def stamps(self) -> Mapping[str, State]:
        """What changes when a chain is added, edited or removed; by name."""
        return {name: state_of(file) for name, file in _files(self.path).items()}

    def get(self, name: str) -> Chain:
        """The chain called `name`, with a title, and its workflows by their names in the folder.
        WorkflowError where there is none, ChainErrors where it cannot be used."""
        # The name comes from a browser's address: it is looked up among the files.
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
        """Keep a chain's text in a new file; the chain's name. WorkflowError."""
        if len(_files(self.path)) >= MOST:
            raise WorkflowError(
                message("There's no room for more workflows here."),
                message("Ask the administrator."),
            )
        # A workflow may be called as a chain is, and a toml beside it speaks about that one.
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
                message("The chain can't be added: {why}.", why=words_of(error)),
                message("Ask the administrator."),
            ) from error
        return f"{name}{_ENDING}"

    def folder_of(self, name: str) -> Path:
        """Where the files of a chain lie that it names."""
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
    """What is wrong with a chain as it is where nobody has chosen anything."""
    if isinstance(chain, ChainErrors):
        return str(chain)
    try:
        steps = chosen(chain, {}).steps
    except ChainErrors as problem:
        return str(problem)
    return next(filter(None, (_problem_of_step(one, workflows) for one in steps)), "")


def _problem_of_step(step: Step, workflows: Mapping[str, str]) -> str:
    if step.workflow not in workflows:
        return lacks_workflow(step)
    said = workflows[step.workflow]
    return in_step(step, said) if said else ""


def _title_of(name: str) -> str:
    """What people call a chain that has no title."""
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
