"""Elastic servers: on with `[[scale]]` in the file of `--config`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from comfyforms.hooks import AppParts, PluginApp, hookimpl

if TYPE_CHECKING:
    from comfy.comfyui.client.address import ServerAddress
    from comfyforms.hooks import PartTables
    from comfyforms.plugins.scaling.rules import Scale
    from comfyforms.plugins.scaling.settings import ScaleTable
    from ui.settings.options import Settings


@hookimpl
def settings() -> list[type[Settings]]:
    """Add `[[scale]]`."""
    from comfyforms.plugins.scaling.settings import ScaleSettings

    return [ScaleSettings]


@hookimpl
def tables() -> list[PartTables]:
    """Keep the servers that were started in the history's database."""
    from comfyforms.hooks import PartTables
    from comfyforms.plugins.scaling.tables import SCHEMA

    return [PartTables(SCHEMA)]


@hookimpl
def app_parts(app: PluginApp) -> AppParts | None:
    """Start and stop servers while the app serves, and show them to administrators."""
    from comfyforms.plugins.scaling.settings import ScaleSettings

    settings, history = app.own_settings(ScaleSettings), app.services.runs.history
    if not settings.scale:
        return None
    import asyncio

    from comfy.base.errors import ComfyError
    from comfyforms.plugins.scaling.page import scales_section
    from comfyforms.plugins.scaling.rules import Pace
    from comfyforms.plugins.scaling.scaler import Scaler
    from comfyforms.plugins.scaling.store import ScaleStore

    scaler = Scaler(
        [scale_of(one) for one in settings.scale],
        ScaleStore(history.engine),
        app.services.servers,
        app.services.runs,
        shown=settings.only_this_machine,
        pace=Pace(),
    )

    @asynccontextmanager
    async def serving() -> AsyncIterator[None]:
        await asyncio.to_thread(scaler.__enter__)
        try:
            yield
        finally:
            await asyncio.to_thread(scaler.__exit__, None, None, None)

    def section() -> str:
        try:
            return scales_section(scaler.statuses())
        except ComfyError:
            return scales_section(None)

    return AppParts(serving=serving, section=section)


def scale_of(table: ScaleTable) -> Scale:
    from comfyforms.plugins.scaling.rules import Scale

    def address(url: str) -> ServerAddress:
        return replace(table.address_at(url), label=table.name if table.max == 1 else "")

    return Scale(
        table.name,
        table.up,
        table.down,
        address,
        table.after_waiting,
        table.idle,
        table.max,
        table.spot,
        table.timeout,
        table.limit or 1,
    )
