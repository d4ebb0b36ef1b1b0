"""Metrics for Prometheus, computed for each request without counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import get_args

from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from comfy.base.errors import ComfyError
from comfy.base.version import app_version
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.run_state import Phase
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.reports import (
    ServerReport,
    ServerReports,
    WaitReason,
    models_waited_for,
    wait_reason,
)
from comfy.comfyui.servers.server import ComfyServer
from comfy.runs.interface import RunRegistry
from comfy.webhooks.waiting import AttemptOutcome, Webhooks
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import NO_STORE


def metrics_routes(collector: AppCollector) -> GuardedRoutes:
    """Return `GET /metrics`, for administrators."""
    routes = GuardedRoutes()
    registry = CollectorRegistry()
    registry.register(collector)

    @routes.get("/metrics", Access.ADMINISTRATOR)
    def metrics() -> Response:
        """Return the metrics in Prometheus' text format."""
        text = generate_latest(registry)
        return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4, headers=NO_STORE)

    return routes


class AppCollector(Collector):
    """Metrics of one app. `catalog` returns the nodes of all servers without asking them, or raises
    ComfyError. `pages` and `sockets` return how many are open. `failures`: of requests, by kind.
    `of_plugins` returns plugins' metrics."""

    def __init__(  # noqa: PLR0913 - the parts that it measures
        self,
        servers: ServerPool,
        reports: Callable[[], ServerReports],
        catalog: Callable[[], Catalog],
        runs: RunRegistry,
        webhooks: Webhooks,
        pages: Callable[[], int],
        sockets: Callable[[], int],
        failures: Mapping[str, int],
        of_plugins: Callable[[], Iterable[Metric]],
    ) -> None:
        self._servers = servers
        self._reports = reports
        self._catalog = catalog
        self._runs = runs
        self._webhooks = webhooks
        self._pages = pages
        self._sockets = sockets
        self._failures = failures
        self._of_plugins = of_plugins

    def describe(self) -> list[Metric]:
        """Return no metrics: otherwise the registry would query the servers when the app starts."""
        return []

    def collect(self) -> Iterator[Metric]:
        pages, sockets = self._pages(), self._sockets()
        yield InfoMetricFamily("comfyforms", "This app.", {"version": app_version()})
        yield from self._run_metrics()
        yield from self._waiting_metrics()
        yield from self._webhook_metrics()
        yield from self._server_metrics()
        yield from self._of_plugins()
        yield GaugeMetricFamily("comfyforms_open_pages", "Open pages.", pages)
        yield GaugeMetricFamily("comfyforms_open_sockets", "Open WebSockets.", sockets)
        about = "Requests and sockets that ended with an internal error, by its type and place."
        failed = CounterMetricFamily("comfyforms_failures", about, labels=["kind"])
        for kind, count in list(self._failures.items()):
            failed.add_metric([kind], count)
        yield failed

    def _run_metrics(self) -> Iterator[Metric]:
        phases = Counter(run.state.phase for run in self._runs.known())
        now = GaugeMetricFamily("comfyforms_runs", "Waiting and active runs.", labels=["phase"])
        for phase in (Phase.WAITING, Phase.RUNNING):
            now.add_metric([phase], phases[phase])
        yield now
        totals = self._runs.totals
        ended = CounterMetricFamily("comfyforms_runs_ended", "Ended runs.", labels=["phase"])
        for phase, count in totals.ended.items():
            ended.add_metric([phase], count)
        yield ended
        buckets = [(str(float(bound)), count) for bound, count in totals.within.items()]
        yield HistogramMetricFamily(
            "comfyforms_run_seconds",
            "Duration of successful runs, from the start on the server to the downloaded files.",
            buckets=[*buckets, ("+Inf", totals.timed)],
            sum_value=totals.seconds,
        )

    def _waiting_metrics(self) -> Iterator[Metric]:
        waiting = [run.needs for run in self._runs.known() if run.waits_here]
        reasons = Counter(wait_reason(self._servers, needs) for needs in waiting)
        by_reason = GaugeMetricFamily(
            "comfyforms_waiting_runs",
            "Runs that wait because the servers that can do them are busy, paused or away, or"
            " because no server can (unable).",
            labels=["servers"],
        )
        for reason in get_args(WaitReason):
            by_reason.add_metric([reason], reasons[reason])
        by_model = GaugeMetricFamily(
            "comfyforms_waiting_model_runs",
            "Waiting runs that need a model file, for at most 50 files.",
            labels=["model"],
        )
        with suppress(ComfyError):  # the nodes aren't known yet
            for model, count in models_waited_for(self._catalog(), waiting).items():
                by_model.add_metric([model], count)
        yield from (by_reason, by_model)

    def _webhook_metrics(self) -> Iterator[Metric]:
        webhooks = self._webhooks
        tries = CounterMetricFamily(
            "comfyforms_webhook_tries", "Attempts to deliver webhooks.", labels=["outcome"]
        )
        for outcome in get_args(AttemptOutcome):
            tries.add_metric([outcome], webhooks.attempts[outcome])
        yield tries
        with suppress(ComfyError):  # the database does not answer
            about = "Webhooks that wait for delivery, including retries."
            yield GaugeMetricFamily("comfyforms_webhooks_due", about, webhooks.undelivered)

    def _server_metrics(self) -> Iterator[Metric]:
        server_reports = self._reports()
        yield _by_server(
            "up", "Whether the ComfyUI server answers.", server_reports, lambda _, one: one.up
        )
        yield _by_server(
            "drained",
            "Whether the ComfyUI server is draining.",
            server_reports,
            lambda server, _: server.drained,
        )
        queue = GaugeMetricFamily(
            "comfyforms_server_queue",
            "Prompts in the ComfyUI server's queue, including other clients' prompts.",
            labels=["server", "state"],
        )
        memory = {
            name: GaugeMetricFamily(
                f"comfyforms_server_memory_{name}_bytes", about, labels=["server", "device"]
            )
            for name, about in (
                ("free", "Free memory of the ComfyUI server's device."),
                ("total", "Total memory of the ComfyUI server's device."),
            )
        }
        for server, report in server_reports:
            for state, count in (("running", report.running), ("waiting", report.waiting)):
                if count is not None:
                    queue.add_metric([server.url, state], count)
            for index, device in enumerate(report.memory):
                for name, amount in (("free", device.free), ("total", device.total)):
                    if amount is not None:
                        memory[name].add_metric([server.url, str(index)], amount)
        yield from (queue, *memory.values())


def _by_server(
    name: str,
    about: str,
    told: tuple[tuple[ComfyServer, ServerReport], ...],
    is_so: Callable[[ComfyServer, ServerReport], bool],
) -> Metric:
    family = GaugeMetricFamily(f"comfyforms_server_{name}", about, labels=["server"])
    for server, report in told:
        family.add_metric([server.url], float(is_so(server, report)))
    return family
