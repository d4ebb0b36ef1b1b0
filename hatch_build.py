"""What a wheel has beside the packages that pyproject.toml names."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AppFile(BuildHookInterface[Any]):
    """Puts app.py beside them. As a setting, Hatchling would copy it for an editable install too,
    which finds it in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is built, or what stands for one ("editable")."""
        if version != "editable":
            build_data["force_include"]["app.py"] = "comfyforms/app.py"
