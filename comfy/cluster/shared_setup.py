"""The workflow files and the ComfyUI servers, which all processes must have alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_FILES = (".json", ".toml")
_MOST_NAMED = 3  # names in a sentence


@dataclass(frozen=True, slots=True)
class SharedSetup:
    """Digests of workflow files by their names, and addresses of servers without credentials."""

    workflows: Mapping[str, str] = field(default_factory=dict)
    servers: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the setup as a JSON text."""
        return json.dumps({"workflows": dict(self.workflows), "servers": self.servers})

    @classmethod
    def of_json(cls, body: str) -> SharedSetup | None:
        """Return the setup in a JSON text; None for any other text."""
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            found: dict[str, Any] = json.loads(body)
            workflows = {str(name): str(one) for name, one in found["workflows"].items()}
            return cls(workflows, tuple(map(str, found["servers"])))
        return None

    def differences(self, other: SharedSetup, name: str) -> Iterator[str]:
        """Yield sentences about what the process with this name has differently."""
        here, there = self.workflows, other.workflows
        if here != there:
            parts = (
                _listed("only there", sorted(there.keys() - here.keys())),
                _listed("only here", sorted(here.keys() - there.keys())),
                _listed(
                    "different",
                    sorted(one for one in here if there.get(one, here[one]) != here[one]),
                ),
            )
            yield f"{name} has other workflow files: {'; '.join(filter(None, parts))}."
        servers = (
            _listed("only there", sorted({*other.servers} - {*self.servers})),
            _listed("only here", sorted({*self.servers} - {*other.servers})),
        )
        if any(servers):
            yield f"{name} has other ComfyUI servers: {'; '.join(filter(None, servers))}."


def _listed(word: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{word} {', '.join(names[:_MOST_NAMED])}{more}"


class SetupReader:
    """Reader of this process's setup, which reads changed files only."""

    def __init__(self, workflows: Path, servers: Sequence[str]) -> None:
        """`servers`: the addresses of the ComfyUI servers, as far as processes must have the same
        ones."""
        self._folder, self._servers = workflows, tuple(servers)
        self._known: dict[Path, tuple[tuple[int, int], str]] = {}

    def read(self) -> SharedSetup:
        """Return the setup as it is now. Raises OSError."""
        known: dict[Path, tuple[tuple[int, int], str]] = {}
        for path in sorted(self._folder.rglob("*")):
            if path.suffix not in _FILES:
                continue
            with suppress(FileNotFoundError, IsADirectoryError):  # it was removed
                about = path.stat()
                mark = about.st_mtime_ns, about.st_size
                before = self._known.get(path)
                is_same = before is not None and before[0] == mark
                known[path] = before if before and is_same else (mark, _digest(path))
        self._known = known
        names = {str(path.relative_to(self._folder)): one for path, (_, one) in known.items()}
        return SharedSetup(names, self._servers)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
