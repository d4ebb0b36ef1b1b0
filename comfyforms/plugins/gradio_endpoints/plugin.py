"""Endpoints of the page's Gradio, and the routes that list and call them."""

from __future__ import annotations

from comfyforms.hooks import AppParts, PluginApp, hookimpl


@hookimpl
def app_parts(app: PluginApp) -> AppParts:
    from comfyforms.plugins.gradio_endpoints.named import EndpointRoutes, add_named_endpoints
    from comfyforms.plugins.gradio_endpoints.scripts import add_api, add_batch_api, add_chain_api

    services, identity = app.services, app.identity

    def add_endpoints() -> None:
        add_api(services.starter, services.folder, identity)
        add_batch_api(services.batches, services.runs.history, identity)
        add_chain_api(services.chains, services.runs, identity)
        add_named_endpoints(app.parts.run_start, services.chains, identity)

    routes = EndpointRoutes(services.library, services.limits, identity, app.settings)
    return AppParts([routes.routes()], add_endpoints=add_endpoints)
