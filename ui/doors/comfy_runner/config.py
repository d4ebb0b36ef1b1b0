"""The file of `--comfy-runner`: comfy_runner's config.toml, and in it the service that writes
prompts.

Other entries that comfy_runner reads (ComfyUI's address, its own ports) are settings of the app.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from comfy.base.errors import ComfyError, ManyProblems
from comfy.base.json_values import as_mapping, as_number
from comfy.comfyui.client.address import ServerAddress
from comfy.workflow.node_mappings import parse_mappings
from comfy.workflow.toml_settings import (
    SettingReaders,
    filled_text,
    load_toml,
    no_table,
    no_text,
    readable_settings,
)

_PROMPT_NODE, _NEGATIVE_NODE = "ollama_node", "negative_prompt"  # names of nodes
_OLLAMA_URL = "http://127.0.0.1:11434"  # default address
_SECONDS, _MOST_SECONDS = 120.0, 3600.0  # without an answer


@dataclass(frozen=True, slots=True)
class TextService:
    """An Ollama server and its model. `timeout`: seconds to wait without an answer."""

    address: ServerAddress
    model: str
    timeout: float


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """Content of the file. `workflow`: the path of the default workflow without ".json", empty for
    none. `prompt_node`: the workflow's node that gets the prompt written for a description."""

    workflow: str = ""
    prompt_node: str = ""
    text_service: TextService | None = None
    tables: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def workflow_names(self) -> Sequence[str]:
        """Return the workflow's possible names, longest first, because the workflow folder may be
        any folder on its path."""
        parts = PurePosixPath(self.workflow).parts
        return ["/".join(parts[at:]) for at in range(len(parts))]

    def names(self, workflow: str) -> Mapping[str, str]:
        """Return a workflow's nodes, or single inputs of nodes, by the names in the file."""
        return dict(parse_mappings(PurePosixPath(workflow).name, self.tables).nodes)

    def prompt_nodes(self, workflow: str) -> tuple[str, str]:
        """Return the nodes for the prompt and the negative prompt in this workflow; empty if the
        file names no node."""
        names = self.names(workflow)
        own = self.prompt_node if workflow in self.workflow_names else ""
        return names.get(_PROMPT_NODE, own), names.get(_NEGATIVE_NODE, "")


def _as_node(value: object) -> str | None:
    """Return a node's id, which is a number or a text; None for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _as_seconds(value: object) -> float | None:
    number = as_number(value)
    return float(number) if number is not None and 0 < number <= _MOST_SECONDS else None


def _no_seconds(place: str, name: str) -> str:
    return f"{place}: “{name}” must be a number of seconds, at most {_MOST_SECONDS:g}."


_COMFY: SettingReaders = {
    "workflow": (filled_text, no_text),
    "ollama_prompt_node_id": (_as_node, no_text),
}
_OLLAMA: SettingReaders = {
    "url": (filled_text, no_text),
    "model": (filled_text, no_text),
    "timeout": (_as_seconds, _no_seconds),
}


def read_runner_config(path: Path) -> RunnerConfig:
    """Read the file. Raises ManyProblems if it is unreadable or unusable."""
    tables, why = load_toml(path)
    problems = [why] if why else []
    for name in ("comfy", "node_mappings", "ollama"):
        if not isinstance(tables.get(name, {}), dict):
            problems.append(no_table(path.name, name))

    def settings(name: str, known: SettingReaders, said: Mapping[str, Any]) -> dict[str, Any]:
        return readable_settings(said, known, f"{path.name} [{name}]", problems)

    comfy = as_mapping(tables.get("comfy"))
    here = settings("comfy", _COMFY, {key: comfy[key] for key in _COMFY.keys() & comfy.keys()})
    options = settings("ollama", _OLLAMA, as_mapping(tables.get("ollama")))
    service = None
    if "ollama" in tables:
        service = _text_service(options, f"{path.name} [ollama]", problems)
    if problems:
        raise ManyProblems(f"--comfy-runner: {one}" for one in dict.fromkeys(problems))
    workflow = here.get("workflow", "").replace("\\", "/").removesuffix(".json")
    return RunnerConfig(workflow, here.get("ollama_prompt_node_id", ""), service, tables)


def _text_service(asked: Mapping[str, Any], place: str, problems: list[str]) -> TextService | None:
    if "model" not in asked:
        problems.append(no_text(place, "model"))
        return None
    try:
        address = ServerAddress.parse(asked.get("url", _OLLAMA_URL))
    except ComfyError as problem:
        problems.append(f"{place}: {problem} {problem.hint}")
        return None
    return TextService(address, asked["model"], asked.get("timeout", _SECONDS))
