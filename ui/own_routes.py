"""The app's own routes, assembled from its services."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from fastapi import WebSocket
from prometheus_client.metrics_core import Metric

from ui.accounts.pages.shared_page import shared_page_routes
from ui.accounts.pages.sign_in import SignInPage, logout_routes, share_link_routes
from ui.administration.desk import Administration
from ui.files.infotext import InfoTexts
from ui.files.result_files import result_routes, shared_result_routes
from ui.files.uploads import upload_routes
from ui.operator.frame import AdminFrame, OperatorAccess
from ui.operator.log_pages import activity_routes, log_routes
from ui.operator.metrics import AppCollector, metrics_routes
from ui.operator.missing_page import missing_routes
from ui.operator.people_page import people_routes, token_routes
from ui.operator.servers_page import operator_routes
from ui.operator.usage_page import usage_routes
from ui.page.covers import cover_routes
from ui.page.embedding.routes import embedding_routes
from ui.page.language_files import language_routes
from ui.page.link_codes import link_code_routes
from ui.page.plain.layout import install_routes
from ui.page.plain.small_pages import health_routes, offline_routes
from ui.page.script_files import gradio_script_routes, script_routes
from ui.page.social_card import social_card_routes
from ui.page.typeface import typeface_routes
from ui.parts import Parts
from ui.services import Services
from ui.settings.web_settings import WebSettings
from ui.sockets.page_socket import PageSources, page_socket_routes
from ui.sockets.run_socket import WaitingSockets, run_socket_routes
from ui.web.access import GuardedRoutes


def own_routes(
    desk: Administration,
    settings: WebSettings,
    sign_in: SignInPage,
    telling: set[WebSocket],
    waiting: WaitingSockets,
    counts: Callable[[str], Mapping[str, int]],
) -> Iterator[GuardedRoutes]:
    """Return the routes for users. `telling` holds the sockets that haven't sent the end of their
    run yet. `counts`: see `PluginParts`."""
    services, identity = desk.services, desk.identity
    parts = Parts(services)
    view = parts.presenter.view
    runs, library, copies = services.runs, services.library, services.copies
    yield run_socket_routes(
        runs, identity, view, telling, waiting, smaller_previews=settings.smaller_previews
    )
    sources = PageSources(
        runs,
        services.batches,
        services.chains,
        services.health,
        desk.announcements,
        services.downloads,
        settings.root_path,
        counts,
    )
    yield page_socket_routes(sources, library, identity)
    yield cover_routes(library, copies.blobs.turns)
    yield link_code_routes()
    files = services.server_files
    infotext = InfoTexts(parts.presenter.ends, services.model_files).of
    yield result_routes(runs, copies.blobs, files, infotext)
    yield shared_result_routes(runs, copies.blobs, files)
    yield shared_page_routes(runs, parts.presenter, identity, sign_in, settings.root_path)
    yield upload_routes(copies.uploads)
    yield logout_routes(identity, settings.root_path)
    yield share_link_routes(identity, settings.root_path)
    yield script_routes()
    yield typeface_routes()
    yield embedding_routes()
    yield gradio_script_routes()
    yield social_card_routes()
    yield install_routes()
    yield health_routes()
    yield language_routes(settings.languages, identity)
    yield offline_routes(settings.root_path, services.limits.file.size)


def monitoring_routes(
    services: Services,
    open_sockets: Callable[[], int],
    failures: Mapping[str, int],
    of_plugins: Callable[[], Iterable[Metric]],
) -> GuardedRoutes:
    """Return `/metrics`, which a process without pages serves too. `failures`: counts by kind."""
    servers, reports, runs = services.servers, services.reports, services.runs
    health, webhooks, catalog = services.health, services.webhooks, services.forms.catalog

    def pages() -> int:
        """Return the number of open pages."""
        return health.listening

    return metrics_routes(
        AppCollector(
            servers,
            reports,
            catalog.cached,
            runs,
            webhooks,
            pages,
            open_sockets,
            failures,
            of_plugins,
        )
    )


def administrator_routes(
    desk: Administration,
    settings: WebSettings,
    access: OperatorAccess,
    sign_in: SignInPage,
    sections: Callable[[], tuple[str, str]],
) -> Iterator[GuardedRoutes]:
    """Return the pages for administrators. `sections`: plugins' sections of the first one."""
    frame = AdminFrame(desk, access, sign_in, settings.root_path, sections)
    yield operator_routes(frame)
    yield log_routes(frame)
    yield missing_routes(frame)
    yield people_routes(frame)
    yield usage_routes(frame)
    yield activity_routes(frame)
    yield token_routes(frame)
