"""Plugins of other packages: their routes follow the app's rules, and a broken one is left out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import requests

from comfy.library.permissions import Permissions
from comfyforms import plugin_manager
from comfyforms.plugin_manager import PROJECT
from tests.attacks.people import ANN, LOGIN, person
from tests.attacks.routes import registered
from tests.plugins.example import ADDRESS, PAGE_ADDRESS, PAGE_LABEL, ROOT, installed_example
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import IMPORTING, LONGEST_WAIT
from ui import plugin_parts
from ui.settings.logs import log_formatter

EVERY_HOOK = "tests.plugins.every_hook"


@pytest.fixture(scope="module")
def app(own_temporary_folder: Path) -> Iterator[RunningApp]:
    """Serve an app with sign-in, the example and a plugin that starts and stops."""
    packages = installed_example(own_temporary_folder)
    entries = [
        EntryPoint("example", "picture_size", PROJECT),
        EntryPoint("every", EVERY_HOOK, PROJECT),
    ]
    ann_operates = Permissions(operates=lambda owner: owner == f"user:{ANN[0]}")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(packages)
        manager = plugin_manager.plugin_manager(entries)
        patch.setattr(plugin_parts, "installed_plugins", lambda: manager)
        with running_demo_app(settings=replace(LOGIN), permissions=ann_operates) as (_, served):
            yield served


def test_a_plugins_route_is_among_those_that_attacks_try(app: RunningApp) -> None:
    """The route walk and the attacks get every route of the app with its rule."""
    assert ADDRESS in {route.path for route in registered(app.asgi.routes)}
    assert ADDRESS in {rule.path for rule in app.asgi.state.rules}


def test_a_plugins_route_follows_its_access_rule(app: RunningApp) -> None:
    """The app refuses callers without a sign-in, other sites' pages, and bodies that are too
    large."""
    ann = person(app, ANN)

    def status(cookie: str, **headers: str) -> int:
        headers = {"Cookie": cookie, "Content-Type": "application/json", **headers}
        address = f"{app.url}{ADDRESS}"
        sent = b"{" + b" " * int(headers.pop("size", "0")) + b"}"
        with requests.post(address, sent, headers=headers, timeout=LONGEST_WAIT) as answer:
            return answer.status_code

    assert status(ann.cookie) == 422
    assert status("") == 401
    assert status(ann.cookie, Origin="https://evil.example") == 401
    assert status(ann.cookie, size=str(app.services.limits.body + 1)) == 413


def test_a_plugins_page_is_for_signed_in_users(app: RunningApp) -> None:
    """Without a sign-in, the app refuses it."""
    address, ann = f"{app.url}{PAGE_ADDRESS}", person(app, ANN)
    assert requests.get(address, timeout=LONGEST_WAIT).status_code == 401
    shown = requests.get(address, headers={"Cookie": ann.cookie}, timeout=LONGEST_WAIT)
    assert (shown.status_code, PAGE_LABEL in shown.text) == (200, True)


def test_a_plugin_adds_to_the_administrators_page(app: RunningApp) -> None:
    """Its last section stands below the runs, and its metrics among the app's own."""
    cookie = {"Cookie": person(app, ANN).cookie}
    page = requests.get(f"{app.url}/operator", headers=cookie, timeout=LONGEST_WAIT).text
    assert page.index("<h2>Runs</h2>") < page.index("Every part works.")
    metrics = requests.get(f"{app.url}/metrics", headers=cookie, timeout=LONGEST_WAIT).text
    assert "every_part 3.0" in metrics


def test_a_plugin_starts_and_stops_with_the_app(app: RunningApp) -> None:
    """The plugin's context is open while the app serves."""
    answer = requests.get(f"{app.url}/every/state", timeout=LONGEST_WAIT)
    assert answer.text == '"started"'


def test_a_plugins_settings_have_their_defaults(app: RunningApp) -> None:
    assert requests.get(f"{app.url}/every/note", timeout=LONGEST_WAIT).text == '"none"'


def test_the_log_has_the_traceback_of_a_failing_route(
    app: RunningApp, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller gets a problem document without it."""
    answer = requests.get(f"{app.url}/api/v1/every/failing", timeout=LONGEST_WAIT)
    assert (answer.status_code, answer.json()["title"]) == (500, "Internal Server Error")
    assert "attribute" not in answer.text
    (record,) = (one for one in caplog.records if "request failed" in one.getMessage())
    logged = log_formatter().format(record)
    assert "AttributeError: 'PluginApp' object has no attribute 'nothing'" in logged
    assert "return app.nothing" in logged
    app.asgi.state.failures.clear()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("no_such_module", "No module named 'no_such_module'"),
        (f"{EVERY_HOOK}:WRONG", "unknown hook"),
    ],
)
def test_a_broken_plugin_is_left_out(
    value: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The app starts without the plugin, and the log has the reason."""
    manager = plugin_manager.plugin_manager([EntryPoint("broken", value, PROJECT)])
    assert not manager.has_plugin("broken")
    assert manager.list_name_plugin()  # the app's own
    assert "The plugin broken can't be used." in caplog.text
    assert why in caplog.text


def test_every_hook_is_called(tmp_path: Path) -> None:
    """A plugin's widget, result kind, convention and pack rule are in the app's tables, and its
    script and styles beside the page's. Rows of the app's own names are ignored."""
    told = tmp_path / "every-1.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: every\nVersion: 1\n")
    (told / "entry_points.txt").write_text(f"[{PROJECT}]\nevery = {EVERY_HOOK}\n")
    code = f"import sys; sys.path.append({str(tmp_path)!r}); import {EVERY_HOOK}_check"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=IMPORTING,
    )
    assert done.stdout.split() == ["checked"], done.stderr
