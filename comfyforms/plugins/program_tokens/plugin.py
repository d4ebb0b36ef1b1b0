"""Addresses with a token for programs, and a forwarder for those that know a port only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from comfyforms.hooks import AppParts, PluginApp, hookimpl


@hookimpl
def app_parts(app: PluginApp) -> AppParts:
    """Accept the tokens, and let users create them."""
    from comfyforms.hooks import GuardedRoutes
    from comfyforms.plugins.program_tokens.carried import CarriedTokens
    from comfyforms.plugins.program_tokens.page import ProgramPage
    from ui.accounts.pages.account import ShownOnce

    page = ProgramPage(app.identity, app.settings.root_path, ShownOnce())
    return AppParts(
        [GuardedRoutes.of(page)],
        account=page.section,
        middleware=[partial(CarriedTokens, identity=app.identity)],
    )


@hookimpl
def commands() -> Mapping[str, Callable[[Sequence[str]], int]]:
    """Add `connect`."""

    def connect(arguments: Sequence[str]) -> int:
        from comfyforms.plugins.program_tokens.connect import connect as forward

        return forward(arguments)

    return {"connect": connect}
