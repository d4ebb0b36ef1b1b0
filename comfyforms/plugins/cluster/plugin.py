"""Several processes of the app: on with the setting `wire`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from comfyforms.hooks import AppParts, PluginApp, SharedRuns, hookimpl

if TYPE_CHECKING:
    from comfy.comfyui.servers.pool import ServerPool
    from comfy.launch.payment import Payment
    from comfy.records.store import RunStore
    from comfy.runs.interface import RunRegistry
    from ui.settings.options import Settings


@hookimpl
def settings() -> list[type[Settings]]:
    """Add `--wire`, `--process`, `--pages` and `--execute`."""
    from comfyforms.plugins.cluster.settings import ClusterSettings

    return [ClusterSettings]


@hookimpl
def commands() -> Mapping[str, Callable[[Sequence[str]], int]]:
    """Add `cluster check` and `cluster import`."""
    from comfyforms.plugins.cluster.command import manage_cluster

    return {"cluster": manage_cluster}


@hookimpl
def app_parts(app: PluginApp) -> AppParts | None:
    """Add the processes to the administrator's page and to the metrics."""
    from comfyforms.plugins.cluster.settings import ClusterSettings

    if app.own_settings(ClusterSettings).wire is None:
        return None
    from comfyforms.plugins.cluster.page import process_metrics, processes_section
    from comfyforms.plugins.cluster.processes import ClusterProcesses

    processes = app.services.runs.processes
    assert isinstance(processes, ClusterProcesses)
    return AppParts(
        last_section=partial(processes_section, processes),
        metrics=partial(process_metrics, processes),
    )


@hookimpl
def shared_runs(settings: Settings) -> SharedRuns | None:
    """Share the runs with the other processes at the same database and wire."""
    from comfyforms.plugins.cluster.settings import ClusterSettings

    if not isinstance(settings, ClusterSettings) or settings.wire is None:
        return None
    address = settings.wire.get_secret_value()

    def registry(servers: ServerPool, history: RunStore, payment: Payment) -> RunRegistry:
        from comfy.base.version import app_version
        from comfyforms.plugins.cluster.messaging.wire import Wire
        from comfyforms.plugins.cluster.processes import Place
        from comfyforms.plugins.cluster.registry import ClusterRegistry

        name, executes = settings.process_name, settings.execute == "yes"
        place = Place(name, executes, app_version(), setup=settings.setup())
        return ClusterRegistry(
            servers,
            history,
            Wire(address, name),
            place,
            grace=settings.grace,
            limits=payment.limits,
            keep_running=settings.keep_running == "yes",
            retries=settings.retry == "yes",
            api_key=payment.api_key,
        )

    return SharedRuns(registry, settings.pages == "yes")
