"""A plugin that implements every hook."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from pydantic import BaseModel, Field
from sqlalchemy import Column, ForeignKey, MetaData, Table

from comfy.records.database import PartTables, Schema
from comfy.records.tables import ROWS, PartOf, runs, version_table
from comfyforms.hooks import (
    Access,
    AppParts,
    Assets,
    GuardedRoutes,
    PluginApp,
    SharedRuns,
    hookimpl,
)


class Wrong:
    @hookimpl
    def no_such_hook(self) -> None: ...


WRONG = Wrong()


@hookimpl
def app_parts(app: PluginApp) -> AppParts:
    states = ["stopped"]

    @asynccontextmanager
    async def serving() -> AsyncIterator[None]:
        states.append("started")
        yield
        states.append("stopped")

    routes = GuardedRoutes("/every")

    @routes.get("/state", Access.PUBLIC)
    async def state() -> str:
        return states[-1]

    @routes.get("/note", Access.PUBLIC)
    async def note() -> str:
        return app.own_settings(EverySettings).every_note

    api = GuardedRoutes("/every")

    @api.get("/failing", Access.PUBLIC)
    def failing() -> str:
        return app.nothing  # type: ignore[attr-defined]

    return AppParts(
        [routes],
        serving,
        api=[api],
        last_section=lambda: "<p>Every part works.</p>",
        metrics=lambda: [GaugeMetricFamily("every_part", "Every part.", 3)],
    )


class EveryRow(BaseModel):
    name: str


class EverySettings(BaseModel):
    every_note: str = Field("none", title="TEXT", description="a note")
    every_row: tuple[EveryRow, ...] = Field((), title="", description="rows")
    every_size: int = Field(1, ge=1, title="NUMBER", description="a size")


@hookimpl
def settings() -> list[Any]:
    return [EverySettings]


EVERY_TABLES = MetaData()
EVERY_VERSION = version_table("every", EVERY_TABLES)
EVERY_TABLE = Table(
    "every",
    EVERY_TABLES,
    Column("run", ForeignKey(runs.c.id, ondelete="CASCADE"), primary_key=True),
    info={ROWS: PartOf()},
)


@hookimpl
def tables() -> list[PartTables]:
    return [PartTables(Schema("every", EVERY_TABLES, EVERY_VERSION))]


@hookimpl
def commands() -> dict[str, Any]:
    return {"every": len, "user": len}


@hookimpl
def shared_runs(settings: Any) -> SharedRuns | None:
    return SharedRuns(lambda *_: settings.registry, serves_pages=False)


@hookimpl
def assets() -> list[Assets]:
    return [Assets("every", Path(__file__).with_name("every_assets"))]


@hookimpl
def field_kinds() -> list[Any]:
    from comfy.form.kinds.registry import KINDS

    return [replace(KINDS["text"], name="stars"), replace(KINDS["text"], name="checkbox")]


@hookimpl
def field_views() -> list[Any]:
    from comfy.form.kinds.registry import KINDS
    from ui.page.form.kinds.registry import VIEWS

    return [replace(VIEWS["text"], kind=KINDS["stars"])]


@hookimpl
def result_kinds() -> dict[str, str]:
    return {"bvh": "3d", "png": "file"}


@hookimpl
def conventions() -> list[Any]:
    from comfy.form.conventions.layers import Layer

    return [lambda nodes: Layer(description=f"{len(nodes)} nodes")]


@hookimpl
def pack_rules() -> dict[str, Any]:
    from comfy.graph.packs import PackRule

    return {"EveryNode": PackRule(unconnected=frozenset({"every"}))}


@hookimpl
def added_nodes() -> list[Any]:
    from comfy.form.added_nodes import AddedNodes

    sent: Any = {"every": {"class_type": "EveryNode", "inputs": {}}}
    return [AddedNodes(lambda _prompt, _catalog: ({}, {}), lambda prompt, _nodes: prompt or sent)]
