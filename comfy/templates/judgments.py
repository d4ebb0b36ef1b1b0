"""Results of judging templates, in memory and in a file, so that a restarted app doesn't repeat
the work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from comfy.base.files import write_whole
from comfy.requirements.model import ModelFile
from comfy.requirements.readiness import Readiness

log = logging.getLogger(__name__)

_VERSION = 2  # increase it whenever `judge` or the converter gives other results
_MOST_PER_WORKFLOW = 8  # situations to remember: servers, and their last states


@dataclass(slots=True)
class JudgedWorkflow:
    """Results for the workflow in one file. `classes`: all node classes that it names.
    `by_situation`: what servers lack, by a digest of everything else that it depends on.
    `is_own`: ComfyUI's own template index lists it."""

    classes: tuple[str, ...]
    is_own: bool = False
    by_situation: dict[str, Readiness] = field(default_factory=dict)


@dataclass(slots=True)
class _Stored:
    """Content of the file. `digests`: of the workflow in each template, by edition and id."""

    version: int = _VERSION
    digests: dict[str, str] = field(default_factory=dict)
    workflows: dict[str, JudgedWorkflow] = field(default_factory=dict)


@cache
def _format() -> TypeAdapter[_Stored]:
    """Return the file's format, built on first use: it takes milliseconds."""
    return TypeAdapter(_Stored)


class Judgments:
    """Known results. Thread-safe. The file is read on first use."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._is_changed = False

    @cached_property
    def _stored(self) -> _Stored:
        """The caller holds the lock."""
        return _read(self._file)

    def workflow(self, template: str) -> JudgedWorkflow | None:
        """Return the results for a template's workflow. `template`: its edition and id."""
        with self._lock:
            return self._stored.workflows.get(self._stored.digests.get(template, ""))

    def models(self) -> dict[str, ModelFile]:
        """Return the model files with an address that ComfyUI's own templates need and a server
        lacked, by key. A node pack's examples don't count: a pack must not choose the source of a
        file that another workflow needs."""
        with self._lock:
            return {
                file.key: file
                for workflow in self._stored.workflows.values()
                if workflow.is_own
                for found in workflow.by_situation.values()
                for file in found.models
                if file.url
            }

    def note(
        self,
        template: str,
        digest: str,
        classes: Collection[str],
        situation: str,
        found: Readiness,
        *,
        is_own: bool,
    ) -> None:
        """Remember a result. `digest`: of the workflow's bytes; `is_own`: of a template that
        ComfyUI's own index lists."""
        with self._lock:
            self._stored.digests[template] = digest
            workflow = self._stored.workflows.get(digest)
            if workflow is None:
                workflow = JudgedWorkflow(tuple(sorted(classes)))
                self._stored.workflows[digest] = workflow
            workflow.is_own |= is_own
            workflow.by_situation[situation] = found
            while len(workflow.by_situation) > _MOST_PER_WORKFLOW:
                del workflow.by_situation[next(iter(workflow.by_situation))]
            self._is_changed = True

    def save(self, templates: Collection[str]) -> bool:
        """Write the results of these templates to the file, and return whether there were new ones.
        A failure only costs time after the next start."""
        with self._lock:
            if not self._is_changed:
                return False
            self._is_changed = False
            known = self._stored.digests
            self._stored.digests = {one: known[one] for one in templates if one in known}
            used = set(self._stored.digests.values())
            workflows = self._stored.workflows
            self._stored.workflows = {one: workflows[one] for one in workflows if one in used}
            data = _format().dump_json(self._stored)
        try:
            self._file.parent.mkdir(exist_ok=True)
            write_whole(self._file, data)
        except OSError as problem:
            log.warning("Can't store what templates need: %s", problem)
        return True


def _read(file: Path) -> _Stored:
    try:
        stored = _format().validate_json(file.read_bytes())
    except FileNotFoundError:
        return _Stored()
    except (OSError, ValidationError) as problem:
        log.info("Templates are judged again: %s", problem)
        return _Stored()
    return stored if stored.version == _VERSION else _Stored()
