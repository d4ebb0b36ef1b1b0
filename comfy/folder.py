"""The folder of workflows: what is in it now, and each file read once until it changes."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from comfy.errors import WorkflowError
from comfy.form import title_of as title_of_name
from comfy.workflow import Workflow, read_workflow

Stamp = tuple[int, ...]


@dataclass(frozen=True)
class Entry:
    """One workflow of the folder; `problem` is the sentence why it cannot be read, or empty."""

    name: str
    title: str
    problem: str = ""


class WorkflowFolder:
    """Workflows by name, which is the file's name without `.json`. A missing folder is an empty one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[str, tuple[Stamp, Workflow | WorkflowError]] = {}

    def entries(self) -> tuple[Entry, ...]:
        """Every workflow in the folder, by title."""
        found = [self._entry(file.stem) for file in self.path.glob("*.json") if not file.name.startswith(".")]
        return tuple(sorted(found, key=lambda entry: (bool(entry.problem), entry.title.casefold())))

    def stamps(self) -> dict[str, Stamp]:
        """What would change if a workflow were added, edited or removed, by name."""
        found = {file.stem: _stamp(file) for file in self.path.glob("*.json")}
        return {name: stamp for name, stamp in found.items() if stamp is not None}

    def add(self, title: str, data: bytes, suffix: str) -> str:
        """Keep a file under a name made of `title` that is still free; that name. WorkflowError if it cannot be written.
        """
        words = "-".join(re.findall(r"\w+", title.casefold()))[:60] or "workflow"
        for number in itertools.count(1):
            name = words if number == 1 else f"{words}-{number}"
            try:
                with (self.path / f"{name}{suffix}").open("xb") as file:
                    file.write(data)
                return name
            except FileExistsError:
                continue
            except OSError as error:
                why = error.strerror or str(error)
                raise WorkflowError(f"The workflow cannot be kept: {why}.", "Ask whoever runs this app.") from error
        raise AssertionError("unreachable")

    def get(self, name: str) -> Workflow:
        """The workflow called `name`. WorkflowError when there is none or it cannot be read."""
        match self._current(name):
            case Workflow() as workflow:
                return workflow
            case problem:
                raise problem

    def _entry(self, name: str) -> Entry:
        match self._current(name):
            case Workflow() as workflow:
                return Entry(name, title_of(workflow))
            case problem:
                return Entry(name, name, str(problem))

    def _current(self, name: str) -> Workflow | WorkflowError:
        file = self.path / f"{name}.json"
        # The name comes from a browser's address: it names a file of this folder or nothing.
        stamp = _stamp(file) if file.parent == self.path and Path(name).name == name else None
        if stamp is None:
            self._read.pop(name, None)
            return WorkflowError(f"There is no workflow called {name!r}.", "Choose one from the list above.")
        known = self._read.get(name)
        if known is None or known[0] != stamp:
            known = (stamp, _read(file))
            self._read[name] = known
        return known[1]


def title_of(workflow: Workflow) -> str:
    """What people call a workflow: its author's title, else its file name in words."""
    return (workflow.config and workflow.config.title) or title_of_name(workflow.name)


def _read(file: Path) -> Workflow | WorkflowError:
    try:
        return read_workflow(file)
    except WorkflowError as problem:
        return problem


def _stamp(file: Path) -> Stamp | None:
    """What changes when the workflow or the toml beside it does; None where there is no such file."""
    try:
        state = file.stat()
        stamp = (state.st_mtime_ns, state.st_size)
    except (OSError, ValueError):
        return None
    try:
        beside = file.with_suffix(".toml").stat()
    except OSError:
        return stamp
    return (*stamp, beside.st_mtime_ns, beside.st_size)
