"""Check a Space before its upload."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from comfy.base.errors import WorkflowError, words_of
from comfy.base.messages import listed
from comfy.base.wording import quoted
from comfy.chains.folder import ChainFolder
from comfy.cli.lock import notes_of, problems_of, read_lock
from comfy.cli.options import OWNER, forms_by_name
from comfy.cli.space import docker
from comfy.cli.space.contents import (
    PACKAGE,
    PARTS,
    SERVER,
    WORKFLOWS,
    linked_models,
    requirements_in,
)
from comfy.cli.space.front_matter import (
    front_matter_problems,
    read_front_matter,
    repositories_of,
)
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.http_errors import rejected
from comfy.comfyui.discovery import opened_servers
from comfy.form.fill import fill
from comfy.form.model import Form
from comfy.form.server_errors import place_errors
from comfy.library.catalog import CatalogCache
from comfy.library.folder import WorkflowFolder
from comfy.requirements.lock import Lock
from comfy.workflow.model import title_from_name

if TYPE_CHECKING:
    from comfyui_standin.server.validation import ValidationResult

_NEEDED = (
    "README.md",
    "requirements.txt",
    "app.py",
    WORKFLOWS,
    *(f"{PACKAGE}/{name}" for name in ("__main__.py", "app.py", *PARTS)),
)


class _State(NamedTuple):
    """A workflow's problems, whether it can run, and its title."""

    problems: tuple[str, ...]
    runs: bool
    title: str


_States = dict[str, _State]  # by name


@dataclass(frozen=True, slots=True)
class SpaceReport:
    """Sentences about a Space: `problems` to correct before the upload, hints, and how many
    workflows run there."""

    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    runs: str = ""


def check_space(folder: Path) -> SpaceReport:
    """Return the mistakes in a Space, and hints."""
    if not folder.is_dir():
        return SpaceReport((f"There is no folder {folder}.",))
    if missing := _missing(folder, _NEEDED):
        return SpaceReport(missing)
    lock = Lock()
    try:
        head = read_front_matter(folder / "README.md")
        is_docker = head.get("sdk") == docker.SETTINGS["sdk"]
        if is_docker:
            if missing := _missing(folder, (docker.DOCKERFILE, docker.LOCK)):
                return SpaceReport(missing)
            lock = read_lock(folder / docker.LOCK)
        given = _by_name(folder / "requirements.txt")
        needed = _by_name(folder / PACKAGE / "requirements.txt")
        has_server = SERVER in (folder / "app.py").read_text(encoding="utf-8")
        specific = (
            _docker_problems(head, lock, (folder / docker.DOCKERFILE).read_text(encoding="utf-8"))
            if is_docker
            else front_matter_problems(head, folder, given.get("gradio"))
        )
    except (WorkflowError, OSError, UnicodeDecodeError) as error:
        why = words_of(error) if isinstance(error, OSError) else str(error)
        return SpaceReport((why,))
    in_demo = not has_server and not is_docker
    problems = [
        *specific,
        *(f"requirements.txt lacks {needed[name]}." for name in needed if name not in given),
        *(() if in_demo else _missing_models(folder, head)),
    ]
    notes = [f"The Space needs the secret {SERVER}, the address of ComfyUI."] if has_server else []
    notes += notes_of(lock)
    if str(head.get("suggested_hardware", "")).startswith("zero"):
        notes.append(
            "ZeroGPU needs more lines in app.py, and runs don't use it: see docs/spaces.md."
        )
    workflows, of_chains = _workflows(folder / WORKFLOWS, in_demo=in_demo)
    for name, one in workflows.items():
        (notes if one.runs else problems).extend(f"{name}: {told}" for told in one.problems)
    if not any(one.runs for one in workflows.values()):
        problems.append(f"{WORKFLOWS} has no workflow that can run.")
    problems += of_chains
    return SpaceReport(
        tuple(dict.fromkeys(problems)),
        tuple(dict.fromkeys(notes)),
        _which_run(workflows, in_demo=in_demo),
    )


def _missing(folder: Path, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(
        f"{name} is missing in {folder}." for name in names if not (folder / name).exists()
    )


def _docker_problems(head: Mapping[str, Any], lock: Lock, installed: str) -> Iterator[str]:
    """Yield a sentence for each mistake in the settings, the lock and the Dockerfile, `installed`,
    of a Docker Space."""
    if head.get("app_port") != docker.SETTINGS["app_port"]:
        yield f"README.md: app_port must be {docker.SETTINGS['app_port']}."
    yield from (f"{docker.LOCK}: {problem}" for problem in problems_of(lock))
    for step in docker.steps(lock):
        if step not in installed:
            yield f"{docker.DOCKERFILE} doesn't match {docker.LOCK}. It lacks: RUN {step}"


def _by_name(file: Path) -> Mapping[str, Requirement]:
    return {canonicalize_name(one.name): one for one in requirements_in(file)}


def _missing_models(folder: Path, head: Mapping[str, Any]) -> Iterator[str]:
    named = head.get("models")
    for repository in repositories_of(linked_models(folder)):
        if not isinstance(named, list) or repository not in named:
            yield f"README.md: models must name {repository}, which a workflow links to."


def _which_run(workflows: _States, *, in_demo: bool) -> str:
    good = [quoted(one.title) for one in workflows.values() if one.runs]
    how = "here as a demo" if in_demo else "on ComfyUI"
    counted = f"Workflows that run {how}: {len(good)} of {len(workflows)}"
    broken = [
        f"“{name}” can't: {one.problems[0]}" for name, one in workflows.items() if not one.runs
    ]
    needs = "Their results are painted." if in_demo else "It must have their nodes and models."
    return " ".join([f"{counted}{f' ({listed(good)})' if good else ''}.", *broken, needs])


def _refusal(form: Form, result: ValidationResult) -> tuple[tuple[str, ...], bool]:
    """Return what the stand-in says against a form's prompt, and whether it runs. What a user can
    correct in a field doesn't count."""
    refused = rejected({"error": result.error, "node_errors": result.node_errors})
    in_fields, told = place_errors(form, refused.node_errors)
    if result.error is None or (in_fields and not told):
        return told, True
    return told or (str(refused),), False


def _workflows(folder: Path, *, in_demo: bool) -> tuple[_States, list[str]]:
    """Return the workflows in a folder, and the problems of its chains. `in_demo`: the stand-in
    runs them."""
    workflows, chains = WorkflowFolder(folder), ChainFolder(folder)
    entries = workflows.entries(covers=[one.cover for one in chains.entries()])
    of_chains = chains.problems({one.name: one.problem for one in entries}).items()
    states: _States = {
        one.name: _State((one.problem,), runs=False, title=one.title) for one in entries
    }
    names = [one.name for one in entries if not one.problem]
    if in_demo:
        from comfyui_standin import DemoServer  # imports a web server, which only this check needs

        with (
            DemoServer(anything=True) as demo,
            opened_servers([ServerAddress(demo.url)]) as servers,
        ):
            catalogs = CatalogCache.of(servers)
            forms = forms_by_name(workflows.get, catalogs)
            for name in names:
                workflow, form = forms.form(name, OWNER)
                told, runs = form.problems, form.can_run
                if runs:
                    prompt, _ = fill(workflow, form, {}, random.Random())
                    refused, runs = _refusal(form, demo.validated(prompt))
                    told = (*refused, *told)
                states[name] = _State(told, runs, form.title)
    else:
        for name in names:
            workflow = workflows.get(name)
            told = workflow.config.problems if workflow.config else ()
            told = (*told, *workflow.mappings.problems)
            states[name] = _State(told, not told, workflow.title or title_from_name(name))
    return states, [f"{name}: {problem}" for name, problem in of_chains if problem]
