"""Templates of all servers, and whether they can run there.

`readiness` does the work in the thread of its caller, in slices of limited duration, so that an app
whose users never look at templates does none of it. Results are cached by the content of a template
and by the definitions of its node classes: a new model or node pack only repeats the templates that
could use it.

Results of judging templates, in memory and in a file, so that a restarted app doesn't repeat
the work.

Digests of a server's node definitions, by which results that depend on them are cached.

Sources of missing parts that a workflow doesn't name itself: node packs that the servers'
Managers know, and model files that ComfyUI's own templates name.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from comfy.base.errors import ComfyError, WorkflowNotFound
from comfy.base.files import write_whole
from comfy.base.json_values import as_mapping
from comfy.base.messages import message
from comfy.base.threads import in_threads
from comfy.comfyui.input_spec import UPLOAD_OPTIONS
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.servers.managers import KnownPacks
from comfy.comfyui.servers.pool import ServerPool
from comfy.form.missing_items import Missing, MissingChoice, MissingClass
from comfy.graph.convert import prompt_of
from comfy.library.catalog import CatalogCache
from comfy.media.decoding import DecodingSlots
from comfy.requirements.model import ModelFile, file_key
from comfy.requirements.read import completed, models_of, node_types, pack_at
from comfy.requirements.readiness import Readiness, best_of, has_paid_nodes, judge, newest
from comfy.templates.index import Template, with_texts
from comfy.templates.server import OfferedTemplate, ServerTemplates, TemplateImages
from comfy.workflow.known_templates import shape_of
from comfy.workflow.model import Workflow, open_workflow

log = logging.getLogger(__name__)
_VERSION = 3  # increase it whenever `judge` or the converter gives other results
_MOST_PER_WORKFLOW = 8  # situations to remember: servers, and their last states
_AT_ONCE = 2  # threads that fetch workflows while others are judged
_AHEAD = 16  # workflows that are fetched before they are needed
_LEAST = 24  # templates to judge even if time is up


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
        return _read_judgment(self._file)

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


def _read_judgment(file: Path) -> _Stored:
    try:
        stored = _format().validate_json(file.read_bytes())
    except FileNotFoundError:
        return _Stored()
    except (OSError, ValidationError) as problem:
        log.info("Templates are judged again: %s", problem)
        return _Stored()
    return stored if stored.version == _VERSION else _Stored()


class Definitions:
    """Digests of the classes of one catalog, computed when first needed. Thread-safe: two threads
    that compute the same digest get equal results."""

    def __init__(
        self,
        catalog: Catalog,
        version: str,
        fitted: Callable[[Catalog, Mapping[str, Any]], Catalog],
    ) -> None:
        """`version`: the server's version of ComfyUI, "" if unknown. `fitted`: see
        `CatalogCache.fitted`."""
        self.catalog = catalog
        self.fitted = partial(fitted, catalog)
        self.version = version
        self._digests: dict[str, bytes] = {}

    def digest(self, classes: Iterable[str]) -> str:
        """Return a digest of these classes' definitions, without the users' uploads that they
        list."""
        whole = hashlib.sha256(f"{self.version} {self._has_paid_nodes}".encode())
        for name in sorted(classes):
            if name not in self._digests:
                self._digests[name] = _digest(name, as_mapping(self.catalog.raw.get(name)))
            whole.update(self._digests[name])
        return whole.hexdigest()[:32]

    @cached_property
    def _has_paid_nodes(self) -> bool:
        return has_paid_nodes(self.catalog)


def _digest(name: str, raw: Mapping[str, Any]) -> bytes:
    sections = {
        section: {key: _without_uploads(spec) for key, spec in as_mapping(inputs).items()}
        for section, inputs in as_mapping(raw.get("input")).items()
    }
    text = json.dumps([name, {**raw, "input": sections}], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).digest()


def _without_uploads(spec: object) -> object:
    options = spec[1] if isinstance(spec, list) and len(spec) > 1 else None
    if isinstance(options, dict) and any(map(options.get, UPLOAD_OPTIONS)):
        return {key: value for key, value in options.items() if key != "options"}
    return spec


@dataclass(frozen=True, slots=True)
class JudgedTemplates:
    """Results by template id. `is_complete`: no template is left to judge."""

    readiness: Mapping[str, Readiness]
    is_complete: bool


class OfferedTemplates:
    """Templates of the app's servers. Thread-safe."""

    def __init__(
        self, servers: ServerPool, catalog: CatalogCache, folder: Path, turns: DecodingSlots
    ) -> None:
        """`folder`: for results and images; it is created when needed. `turns`: limits the images
        in memory."""
        self._pool = servers
        self._catalog = catalog
        self.images = TemplateImages(folder / "images", turns)
        self._servers = tuple(ServerTemplates(one.client) for one in servers.servers)
        self._judging = threading.Lock()
        self._definitions: dict[str, Definitions] = {}
        self._judgments = Judgments(folder / "judged.json")

    def all(self, language: str = "en") -> tuple[Template, ...]:
        """Return all templates with their texts in a language, ComfyUI's own first."""
        offered = self.offered()
        if language == "en":
            return tuple(one.template for one in offered.values())
        texts = {one.url: one.texts(language) for one in self._servers if one.known.templates}
        return tuple(
            with_texts(one.template, texts.get(one.server.url, {})) for one in offered.values()
        )

    def offered(self) -> dict[str, OfferedTemplate]:
        """Return the templates by id. If several servers offer one, the first of them counts."""
        listings = in_threads(ServerTemplates.listing, self._servers, name="templates")
        offered: dict[str, OfferedTemplate] = {}
        for server, listing in zip(self._servers, listings, strict=True):
            for one in listing.templates:
                edition = f"{server.url} pack" if one.pack else listing.edition
                offered.setdefault(one.id, OfferedTemplate(one, server, f"{edition} {one.id}"))
        return dict(sorted(offered.items(), key=lambda item: item[1].template.order))

    def settings_of(self, name: str, language: str) -> str | None:
        """Return the settings of ComfyUI's own template with this name; None for other names."""
        named = (one for one in self.all(language) if one.id == name)
        return next((one.settings for one in named), None)

    def same_as(self, workflow: Workflow, file: str) -> OfferedTemplate | None:
        """Return the template that a workflow is, None for other workflows. One that this app
        doesn't know has the name of the `file` and the same nodes. Most files' names tell that they
        aren't templates, so that the servers aren't asked."""
        name = workflow.template or file
        found = self.offered().get(name) if "_" in name or workflow.template else None
        if found is None or workflow.template:
            return found
        try:
            data = found.server.read(found.template)
            theirs = open_workflow(f"{name}.json", data)
        except ComfyError as problem:
            log.info("Can't read the template %s: %s", name, problem)
            return None
        return found if _has_nodes_of(workflow, theirs) else None

    def find(self, template_id: str) -> OfferedTemplate:
        """Return a template by its id. Raises WorkflowNotFound."""
        found = self.offered().get(template_id)
        if found is None:
            raise WorkflowNotFound(
                message("This template is no longer available."),
                message("Choose another one."),
            )
        return found

    def readiness(self, seconds: float) -> JudgedTemplates:
        """Judge templates for at most this long, the most used ones first, and return all results
        so far. Raises ServerUnreachable or ServerError if no server's nodes are known."""
        until = time.monotonic() + seconds
        offered = self.offered()
        with self._judging:
            servers = self._judges()
            found = {
                one.template.id: known
                for one in offered.values()
                if (known := _known(one, servers, self._judgments)) is not None
            }
            left = [one for one in offered.values() if one.template.id not in found]
            left.sort(key=lambda one: -one.template.usage)
            for one, result in _judged(left, servers, self._judgments, until):
                found[one.template.id] = result
            is_complete = len(found) == len(offered)
            if is_complete:
                keys = {one.key for one in offered.values()}
                if self._judgments.save(keys):
                    self.images.keep(keys)
        return JudgedTemplates(found, is_complete)

    def known_models(self, seconds: float = 0.0) -> Mapping[str, ModelFile]:
        """Return the model files that ComfyUI's own templates name and a server lacked, by key,
        for workflows without their own addresses. `seconds`: time to judge more templates; 0 to
        read none."""
        if seconds:
            try:
                self.readiness(seconds)
            except ComfyError as problem:
                log.info("Can't judge templates: %s", problem)
        return self._judgments.models()

    def _judges(self) -> list[Definitions]:
        """Return the node definitions of each server that has listed them."""
        whole = self._catalog.get()
        several = len(self._servers) > 1
        for server, templates in zip(self._pool.servers, self._servers, strict=True):
            catalog = server.nodes if several else whole
            known = self._definitions.get(server.url)
            version = templates.known.version
            is_new = known is None or known.catalog is not catalog or known.version != version
            if catalog is not None and is_new:
                self._definitions[server.url] = Definitions(catalog, version, self._catalog.fitted)
        return list(self._definitions.values())


def _has_nodes_of(workflow: Workflow, other: Workflow) -> bool:
    if workflow.graph and other.graph:
        return shape_of(workflow.graph).structure == shape_of(other.graph).structure
    first, second = (
        {node_id: node["class_type"] for node_id, node in one.prompt.items()}
        for one in (workflow, other)
    )
    return bool(first) and first == second


def _known(
    offered: OfferedTemplate, servers: Iterable[Definitions], judgments: Judgments
) -> Readiness | None:
    """Return the known result for a template, None if a server hasn't been judged yet."""
    workflow = judgments.workflow(offered.key)
    if workflow is None:
        return None
    results = [
        workflow.by_situation.get(_situation(offered.template, one, workflow.classes))
        for one in servers
    ]
    found = [one for one in results if one is not None]
    return best_of(found) if len(found) == len(results) else None


def _judged(
    left: Sequence[OfferedTemplate],
    servers: Sequence[Definitions],
    judgments: Judgments,
    until: float,
) -> Iterator[tuple[OfferedTemplate, Readiness]]:
    """Judge templates until it is time to stop, but always some."""
    with ThreadPoolExecutor(_AT_ONCE, "templates") as threads:
        for number, (one, data) in enumerate(_fetched(left, threads), 1):
            yield one, best_of([*_on_each(one, data, servers, judgments)])
            if number >= _LEAST and time.monotonic() >= until:
                threads.shutdown(cancel_futures=True)
                return


def _fetched(
    left: Iterable[OfferedTemplate], threads: ThreadPoolExecutor
) -> Iterator[tuple[OfferedTemplate, bytes | None]]:
    """Yield templates with their workflows, which are fetched ahead of time."""
    ahead: deque[tuple[OfferedTemplate, Future[bytes | None]]] = deque()
    for one in left:
        ahead.append((one, threads.submit(_read, one)))
        if len(ahead) > _AHEAD:
            first, future = ahead.popleft()
            yield first, future.result()
    for one, future in ahead:
        yield one, future.result()


def _read(offered: OfferedTemplate) -> bytes | None:
    try:
        return offered.server.read(offered.template)
    except ComfyError as problem:
        log.info("Can't read the template %s: %s", offered.template.id, problem)
        return None


def _on_each(
    offered: OfferedTemplate,
    data: bytes | None,
    servers: Sequence[Definitions],
    judgments: Judgments,
) -> Iterator[Readiness]:
    """Yield what each server lacks for a template, and remember it. A template that can't be read
    is judged again next time."""
    if data is None:
        yield Readiness(is_valid=False)
        return
    digest = hashlib.sha256(data).hexdigest()
    for server in servers:
        found, classes = _on_server(offered.template, data, server)
        situation = _situation(offered.template, server, classes)
        is_own = not offered.template.pack
        judgments.note(offered.key, digest, classes, situation, found, is_own=is_own)
        yield found


def _on_server(template: Template, data: bytes, server: Definitions) -> tuple[Readiness, set[str]]:
    """Return what one server lacks for a template, and the classes that this depends on."""
    try:
        workflow = open_workflow(f"{template.name}.json", data)
        used = {node["class_type"] for node in workflow.prompt.values()}
        classes = node_types(workflow.graph) if workflow.graph else used
        catalog = server.fitted(workflow.graph or workflow.prompt)
        prompt = prompt_of(workflow.graph, catalog) if workflow.graph else workflow.prompt
    except ComfyError as problem:
        log.info("The template %s can't be read: %s", template.id, problem)
        return Readiness(is_valid=False), set()
    found = judge(
        prompt,
        catalog,
        models=models_of(workflow.graph) if workflow.graph else (),
        declared=template.declared,
        server_version=server.version,
    )
    return found, classes


def _situation(template: Template, server: Definitions, classes: Iterable[str]) -> str:
    declared = hashlib.sha256(repr(template.declared).encode()).hexdigest()[:8]
    return f"{server.digest(classes)}{declared}"


@dataclass(frozen=True, slots=True)
class KnownParts:
    """Look-ups in what the servers know. Thread-safe."""

    packs: KnownPacks
    templates: OfferedTemplates

    def missing(self, missing: Iterable[Missing]) -> tuple[Missing, ...]:
        """Return the missing parts with packs, folders and addresses that are known so far."""
        items = tuple(missing)
        packs = self.packs.get() if any(map(_asks_servers, items)) else {}
        files = self.templates.known_models() if any(map(_lacks_address, items)) else {}
        version = newest(*self.packs.versions)
        return tuple(_completed(one, packs, files, version) for one in items)

    def models(self, files: tuple[ModelFile, ...], seconds: float = 0.0) -> tuple[ModelFile, ...]:
        """Return the files with addresses from templates. If one has no address, judge templates
        for at most `seconds` to find it."""
        if all(one.url for one in files):
            return files
        known = self.templates.known_models()
        if seconds and any(not one.url and one.key not in known for one in files):
            known = self.templates.known_models(seconds)
        return tuple(completed(one, known) for one in files)


def _asks_servers(one: Missing) -> bool:
    return isinstance(one, MissingClass) and (not one.pack or one.is_built_in)


def _lacks_address(one: Missing) -> bool:
    return isinstance(one, MissingChoice) and not one.url and one.is_model


def _completed(
    one: Missing, packs: Mapping[str, str], files: Mapping[str, ModelFile], version: str
) -> Missing:
    match one:
        case MissingClass() if one.is_built_in:
            return replace(one, server=one.server or version)
        case MissingClass(class_type) if not one.pack:
            return replace(one, pack=pack_at(packs.get(class_type, "")))
        case MissingChoice() if _lacks_address(one):
            known = files.get(file_key(str(one.value)))
            folder = one.directory or (known.folder if known else "")
            return replace(one, directory=folder, url=known.url if known else "")
        case _:
            return one
