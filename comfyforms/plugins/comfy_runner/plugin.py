"""comfy_runner's calls: off unless `--comfy-runner` names its config.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfyforms.hooks import AppParts, PluginApp, hookimpl

if TYPE_CHECKING:
    from pydantic import BaseModel

    from comfyforms.hooks import PartTables


@hookimpl
def settings() -> list[type[BaseModel]]:
    """Add `--comfy-runner`."""
    from comfyforms.plugins.comfy_runner.settings import RunnerSettings

    return [RunnerSettings]


@hookimpl
def tables() -> list[PartTables]:
    """Keep callers' values in the history's database."""
    from comfyforms.hooks import PartTables
    from comfyforms.plugins.comfy_runner.tables import SCHEMA

    return [PartTables(SCHEMA)]


@hookimpl(tryfirst=True)
def app_parts(app: PluginApp) -> AppParts | None:
    """Add the calls. Their `/health` comes before the app's, and their `GET /queue` and `POST
    /interrupt` before ComfyUI's. Raises ManyProblems if the file can't be used."""
    from comfyforms.plugins.comfy_runner.settings import RunnerSettings

    settings = app.own_settings(RunnerSettings)
    if settings.comfy_runner is None:
        return None
    from comfyforms.plugins.comfy_runner.calls import comfy_runner_routes
    from comfyforms.plugins.comfy_runner.runner import Runner, read_runner_config

    services, parts = app.services, app.parts
    runner = Runner(
        read_runner_config(settings.comfy_runner),
        services.folder,
        parts.run_start,
        parts.presenter.ends,
        services.server_files,
        services.limits.file.size,
    )
    root_path = app.settings.root_path
    return AppParts([comfy_runner_routes(runner, parts.bodies, root_path)])
