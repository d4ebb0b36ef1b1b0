"""Fixtures for the tested server: the stand-in, or the one that COMFYUI_URL names, which may be an
app: `http://any:TOKEN@localhost:7860`. Tests of ComfyUI's API also run against an app of one user
before the stand-in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

import pytest
import requests

from comfyui_standin import DemoServer
from tests.attacks.people import ANN
from tests.security.signing_in import token_of
from tests.support.serving import running_demo_app
from tests.support.speaking import Listener, ServerUnderTest, listening
from tests.support.waiting import LONGEST_WAIT
from ui.accounts.login import SignInSettings, sign_in_address
from ui.settings.web_settings import WebSettings

STEP_SECONDS = 0.02


# Tests of what an app before ComfyUI does differently, by name and parameter.
_LATER = "a canceled run leaves the queue within a second, not at once"
_PREVIEWS = "clients that set the flag always get previews, and progress_state may come before them"
_ALL_CLIENTS = "the owner's other clients get all messages of a prompt without a client"
DIFFERENCES: Mapping[str, str] = {
    "test_greeting": "the feature flags on the socket have no max_upload_size",
    "test_previews_with_metadata": "of unread previews, a client gets the newest only",
    "test_previews_without_metadata": _PREVIEWS,
    "test_previews_only_when_asked": _PREVIEWS,
    "test_a_cached_run": "the subfolder of a result starts with its run's id",
    "test_metadata_in_saved_images": "the subfolder of a result starts with its run's id",
    "test_the_queue": _LATER,
    "test_cancelling_jobs": _LATER,
    "test_coming_back_in_the_middle": "the message about the active node has a prompt id",
    "test_a_successor_goes_mute_when_its_forerunner_leaves": "it still gets messages",
    "test_a_prompt_without_a_client_is_broadcast": _ALL_CLIENTS,
    "test_one_mistake[a link to nowhere]": "the app names the input with the link",
    "test_a_sound_half_still_runs": "the app refuses a prompt that names a missing file",
    "test_seeds_of_64_bits": "the app refuses larger numbers in any JSON",
    "test_a_foreign_page": "a password in a request from another site's page doesn't count: 401",
    "test_views_stay_inside[filename=x.png&subfolder=../..-403]": "400, as for a file name",
    "test_media_and_text_outputs": "only videos are marked as animated",
    "test_the_server_describes_its_system_and_models": "the app has no /free",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        is_of_api = metafunc.module.__name__.endswith(("_runs", "_refusals", "_files"))
        servers = ["comfyui", "app"] if is_of_api else ["comfyui"]
        if url := os.environ.get("COMFYUI_URL"):
            servers = ["app" if "@" in url else "comfyui"]
        metafunc.parametrize("server", servers, indirect=True, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the app's differences."""
    for item in items:
        name = item.name.replace("[app-", "[").replace("[app]", "")
        if name != item.name and (why := DIFFERENCES.get(name)):
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerUnderTest]:
    """Return the server for all conformance tests. A real server needs a checkpoint that it can
    load."""
    if url := os.environ.get("COMFYUI_URL"):
        yield _describe(url.rstrip("/"), stand_in=False)
    elif request.param == "app":
        ways = SignInSettings(kept=sign_in_address("", tmp_path_factory.mktemp("app")))
        settings = WebSettings(port=0, users=(ANN,), sign_in=ways)
        with running_demo_app(step_seconds=STEP_SECONDS, settings=settings) as (_, app):
            address = app.url.replace("//", f"//any:{token_of(app, ANN)}@")
            yield _describe(address, stand_in=True)
    else:
        with DemoServer(step_seconds=STEP_SECONDS, load_seconds=0) as demo:
            yield _describe(demo.url, stand_in=True)


@pytest.fixture
def listener(server: ServerUnderTest) -> Iterator[Listener]:
    """Open a socket with its own client id."""
    with listening(server) as one:
        yield one


def _describe(url: str, *, stand_in: bool) -> ServerUnderTest:
    stats = requests.get(f"{url}/system_stats", timeout=LONGEST_WAIT).json()
    version = tuple(
        int(part) for part in re.findall(r"\d+", stats["system"]["comfyui_version"])[:3]
    )
    loader = requests.get(f"{url}/object_info/CheckpointLoaderSimple", timeout=LONGEST_WAIT).json()[
        "CheckpointLoaderSimple"
    ]
    checkpoints = loader["input"]["required"]["ckpt_name"][0]
    usable = [name for name in checkpoints if "broken" not in name]
    if not usable:
        pytest.skip("the server has no checkpoint")
    return ServerUnderTest(url, usable[0], version, stand_in)
