"""ComfyUI's own editor behind the app's sign-in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from comfyforms.hooks import AppParts, PluginApp, hookimpl

if TYPE_CHECKING:
    from pydantic import BaseModel

    from comfyforms.hooks import PartTables


@hookimpl
def settings() -> list[type[BaseModel]]:
    from comfyforms.plugins.comfyui_editor.settings import EditorSettings

    return [EditorSettings]


@hookimpl
def tables() -> list[PartTables]:
    """Keep users' files in the history's database."""
    from comfyforms.hooks import PartTables
    from comfyforms.plugins.comfyui_editor.tables import SCHEMA

    return [PartTables(SCHEMA)]


@hookimpl
def app_parts(app: PluginApp) -> AppParts | None:
    """Serve the editor at its host name, if the app has a sign-in."""
    from comfyforms.hooks import GuardedRoutes
    from comfyforms.plugins.comfyui_editor.address import editor_address
    from comfyforms.plugins.comfyui_editor.files import UserFileCalls
    from comfyforms.plugins.comfyui_editor.frontend import FrontEnd, FrontEndFiles
    from comfyforms.plugins.comfyui_editor.host import EDITOR, WITHIN, EditorHost, EditorSite
    from comfyforms.plugins.comfyui_editor.page import EditorPage
    from comfyforms.plugins.comfyui_editor.passes import Passes
    from comfyforms.plugins.comfyui_editor.settings import EditorSettings
    from comfyforms.plugins.comfyui_editor.store import MOST_BYTES, UserFiles
    from comfyforms.plugins.comfyui_editor.workflows import WorkflowCalls
    from ui.web.addresses import HostMiddleware
    from ui.web.cookies import derived

    settings = app.own_settings(EditorSettings)
    origin = editor_address(settings.editor, app.settings)
    if not origin or app.identity.login is None:
        return None
    passes = Passes(derived(app.services.secret, "passes of the editor"))
    names = HostMiddleware.of(app.settings.host, app.settings.hosts).names
    site = EditorSite(origin, names, app.identity, passes, app.services.forms.permissions.open)
    front_end = FrontEnd(app.services.servers)
    routes = GuardedRoutes.of(EditorPage(site, front_end, app.settings.root_path))
    files = UserFiles(app.services.runs.history.engine, MOST_BYTES)
    workflows = WorkflowCalls(site, app.services.library, front_end, app.services.starter)
    # The last one takes the paths that are left.
    for part in (workflows, UserFileCalls(files), FrontEndFiles(front_end)):
        routes.include(GuardedRoutes.of(part), WITHIN, EDITOR)
    return AppParts(
        [routes],
        form_link=workflows.link,
        hosts=[site.name],
        addressed=[partial(EditorHost, site=site)],
    )
