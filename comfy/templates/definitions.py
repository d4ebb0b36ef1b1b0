"""Digests of a server's node definitions, by which results that depend on them are cached."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from comfy.base.json_values import as_mapping
from comfy.comfyui.input_spec import UPLOAD_OPTIONS
from comfy.comfyui.object_info import Catalog
from comfy.requirements.readiness import has_paid_nodes


class Definitions:
    """Digests of the classes of one catalog, computed when first needed. Thread-safe: two threads
    that compute the same digest get equal results."""

    def __init__(self, catalog: Catalog, version: str) -> None:
        """`version`: the server's version of ComfyUI, "" if unknown."""
        self.catalog = catalog
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
