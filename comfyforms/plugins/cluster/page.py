"""Processes on the administrator's page and in the metrics."""

from __future__ import annotations

import html
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from comfy.base.errors import ComfyError
from comfy.base.messages import message, plural
from comfyforms.plugins.cluster.processes import ClusterProcesses, ProcessStatus
from ui.documents.headlines import elapsed_words
from ui.languages.current import html_of
from ui.operator.frame import lines, section

_PROCESSES = message("Processes")
_DATABASE = message("Database")
_WIRE = message("Messages between processes")
_ONLINE = message("Online")
_OFFLINE = message("Offline")
_PAGES_ONLY = message("Executes no runs")


def processes_section(processes: ClusterProcesses) -> str:
    """Return the section about the services and the processes of the cluster."""
    statuses = _statuses(processes)
    connections = (_DATABASE, statuses is not None), (_WIRE, processes.is_wire_up)
    items = [
        f"<b>{html_of(name)}</b> · {html_of(_ONLINE if is_up else _OFFLINE)}"
        for name, is_up in connections
    ]
    for one in statuses or ():
        runs = plural("Executes {count} run", "Executes {count} runs", count=one.runs)
        seen = message("{time} ago", time=elapsed_words(one.silent))
        details = " · ".join(map(html_of, (runs if one.executes else _PAGES_ONLY, seen)))
        items.append(f"<b>{html.escape(one.name)}</b> · {details}")
    return section(_PROCESSES, lines((one, "") for one in items))


def process_metrics(processes: ClusterProcesses) -> Iterator[Metric]:
    statuses = _statuses(processes)
    about = "Whether the database answers this process."
    yield GaugeMetricFamily("comfyforms_database_up", about, float(statuses is not None))
    about = "Whether messages between processes arrive."
    yield GaugeMetricFamily("comfyforms_wire_up", about, float(processes.is_wire_up))
    names = ["process", "executes"]
    runs = GaugeMetricFamily(
        "comfyforms_process_runs", "Runs that each process executes.", labels=names
    )
    seen = GaugeMetricFamily(
        "comfyforms_process_silent_seconds",
        "Seconds since each process's last sign of life.",
        labels=names,
    )
    for one in statuses or ():
        labels = [one.name, "yes" if one.executes else "no"]
        runs.add_metric(labels, one.runs)
        seen.add_metric(labels, one.silent)
    yield from (runs, seen)


def _statuses(processes: ClusterProcesses) -> tuple[ProcessStatus, ...] | None:
    """Return the state of all processes; None while the database is away."""
    try:
        return processes.statuses()
    except ComfyError:
        return None
