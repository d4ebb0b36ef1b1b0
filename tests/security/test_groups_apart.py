"""Two groups never see each other's workflows, whichever face of the app they use."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests
import websocket

from comfy.base.user_groups import UserGroup, united
from comfy.library.permissions import Permissions
from tests.attacks.faces import Lists, Names, got, naming
from tests.attacks.parts import attacked_parts
from tests.attacks.people import all_plugins
from tests.security.signing_in import signed_in, socket_of
from tests.support.sampler import prompt
from tests.support.serving import WORKFLOWS, RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings

RED = UserGroup(("crimson",), workflows=("crimson/*", "mixed.chain"))
BLUE = UserGroup(("cobalt",), workflows=("cobalt/*", "mixed.chain"))
GROUPS: dict[str, UserGroup | None] = {
    "anna": united([RED]),
    "ben": united([BLUE]),
    "cleo": united([RED, BLUE]),
    "dora": united([]),
    "root": None,  # an administrator
}
SEEN = {
    "anna": {"crimson/picture", "crimson/duo.chain"},
    "ben": {"cobalt/picture", "cobalt/duo.chain"},
    "cleo": {
        "crimson/picture",
        "crimson/duo.chain",
        "cobalt/picture",
        "cobalt/duo.chain",
        "mixed.chain",
    },
    "dora": set[str](),
}
TITLE = "The crimson picture"
SEEN["root"] = SEEN["cleo"]
STEP = '[[steps]]\nname = "{0}"\nworkflow = "{1}"\n'


class Sessions(dict[str, requests.Session]):
    """Signed-in browsers by user, and their app."""

    app: RunningApp


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    folder = tmp_path_factory.mktemp("apart")
    for color in ("crimson", "cobalt"):
        (folder / color).mkdir()
        (folder / color / "picture.json").write_text(json.dumps(prompt(seed=1)), "utf-8")
        (folder / color / "picture.toml").write_text(
            f'title = "The {color} picture"\ncover = "picture.webp"\n', "utf-8"
        )
        shutil.copy(WORKFLOWS / "upscale.webp", folder / color / "picture.webp")
        chain = f'title = "The {color} duo"\n' + STEP.format("one", "picture")
        (folder / color / "duo.chain.toml").write_text(chain, "utf-8")
    steps = STEP.format("one", "crimson/picture") + STEP.format("two", "cobalt/picture")
    (folder / "mixed.chain.toml").write_text(f'title = "Both colors"\n{steps}', "utf-8")
    users = tuple((name, "lighthouse") for name in GROUPS)
    permissions = Permissions(
        keep=lambda _: True,
        operates=lambda owner: owner == "user:root",
        group=lambda owner: GROUPS.get(owner.removeprefix("user:"), united([])),
    )
    settings = WebSettings(port=0, users=users, of_plugins=all_plugins())
    options = {"workflows": folder, "permissions": permissions, "settings": settings}
    with contextlib.ExitStack() as stack:
        _, app = stack.enter_context(running_demo_app(step_seconds=0, **options))
        found = Sessions((user[0], stack.enter_context(signed_in(app, user))) for user in users)
        found.app = app
        yield found


# Pairs, because two parts may have the same name.
LISTS: tuple[tuple[str, Lists], ...] = (
    ("workflows", got("/api/v1/workflows?with_page=true")),
    ("takers", got("/api/v1/takers")),
    ("the page", got("/")),
    *(one for part in attacked_parts() for one in part.lists.items()),
)


@pytest.mark.parametrize("user", ["anna", "ben", "dora"])
@pytest.mark.parametrize(("name", "lists"), LISTS, ids=[name for name, _ in LISTS])
def test_no_list_names_another_groups_workflows(
    sessions: Sessions, name: str, lists: Lists, user: str
) -> None:
    """Users of both groups and administrators see the whole list."""
    shown = lists(sessions.app, sessions[user])
    everything = lists(sessions.app, sessions["cleo"])
    own = {"anna": "crimson", "ben": "cobalt", "dora": "no color"}[user]
    assert [color for color in ("crimson", "cobalt") if color in shown and color != own] == []
    if user == "anna" and name != "the page":  # shows one form
        assert ("crimson" in shown, "cobalt" in everything) == (True, True)


@pytest.mark.parametrize("user", SEEN)
def test_each_user_sees_the_groups_workflows(sessions: Sessions, user: str) -> None:
    """A chain needs all its workflows. Someone in no group sees nothing."""
    answer = sessions[user].get(f"{sessions.app.url}/api/v1/workflows", timeout=LONGEST_WAIT)
    assert {one["name"] for one in answer.json()["workflows"]} == SEEN[user]


# Wrong values: a visible workflow refuses them, so that few runs start.
REQUESTS = (
    ("GET", "/api/v1/workflows/NAME", None),
    ("DELETE", "/api/v1/workflows/NAME", None),
    ("POST", "/api/v1/workflows/NAME/keep", {}),
    ("POST", "/api/v1/workflows/NAME/runs", {"values": {"x": 1}}),
    ("POST", "/api/v1/workflows/NAME/batches", {"axes": [{"field": "x", "text": "a"}]}),
    ("POST", "/api/v1/workflows/NAME/batches/check", {}),
    ("POST", "/api/v1/workflows/NAME/chains", {"values": {}}),
    ("GET", "/api/v1/workflows/NAME/editor", None),
    ("GET", "/api/v1/workflows/NAME/editor/history", None),
    ("GET", "/api/v1/workflows/NAME/editor/file", None),
    ("GET", "/api/v1/workflows/NAME/missing-models", None),
    ("GET", "/api/v1/workflows/NAME/models?field=1.ckpt_name", None),
    ("GET", "/api/v1/presets?workflow=NAME", None),
    ("GET", "/page/covers/NAME", None),
    ("GET", "/page/covers/NAME?image=picture.webp", None),
    ("GET", "/?workflow=NAME", None),
)
NAMES: tuple[tuple[str, Names], ...] = (
    *((f"{method} {path}", naming(method, path, body)) for method, path, body in REQUESTS),
    *(one for part in attacked_parts() for one in part.names.items()),
)


def test_a_user_who_left_a_group_repeats_nothing(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier runs and their results stay."""
    app, cleo = sessions.app, sessions["cleo"]
    runs = f"{app.url}/api/v1/runs"
    workflow = f"{app.url}/api/v1/workflows/cobalt/picture/runs?wait=true"
    run = cleo.post(workflow, json={"values": {}}, timeout=LONGEST_WAIT).json()["id"]
    again = cleo.post(f"{runs}/{run}/again", timeout=LONGEST_WAIT)
    assert again.status_code == 201
    permissions = replace(app.services.forms.permissions, group=lambda _: united([RED]))
    monkeypatch.setattr(app.services.forms, "permissions", permissions)
    assert cleo.post(f"{runs}/{run}/again", timeout=LONGEST_WAIT).status_code == 404
    assert cleo.get(f"{runs}/{run}/values", timeout=LONGEST_WAIT).status_code == 404
    assert cleo.get(f"{runs}/{run}", timeout=LONGEST_WAIT).status_code == 200


def test_a_page_hears_only_of_its_own_workflows(sessions: Sessions) -> None:
    """The names of other groups' changed workflows stay unknown."""
    app = sessions.app
    told: dict[str, object] = {}
    with socket_of(app, sessions["anna"]) as page:
        page.settimeout(1)
        while "changed" not in told:  # the app looks regularly, also for the first time
            for color in ("cobalt", "crimson"):
                file = app.services.folder.path / color / "picture.toml"
                file.write_text(file.read_text("utf-8") + "\n", "utf-8")
            with contextlib.suppress(websocket.WebSocketTimeoutException):
                told = json.loads(page.recv())
    assert told == {"changed": ["crimson/picture"]}


@pytest.mark.parametrize(("request_of", "names"), NAMES, ids=[name for name, _ in NAMES])
@pytest.mark.parametrize("kind", ["picture", "duo.chain"])
def test_a_hidden_workflow_is_like_none(
    sessions: Sessions, request_of: str, names: Names, kind: str
) -> None:
    """The answer is the same as for a name that never existed, and differs from a visible one's."""

    def answered(name: str) -> tuple[int, str]:
        return names(sessions.app, sessions["anna"], name)

    status, text = answered(f"cobalt/{kind}")
    assert (status, text) == answered(f"colbat/{kind}")
    assert "The cobalt" not in text
    if kind == "picture" and not request_of.startswith("DELETE"):
        assert (status, text) != answered(f"crimson/{kind}")


def asked(
    sessions: Sessions, user: str, method: str, path: str, body: object = None
) -> requests.Response:
    address = f"{sessions.app.url}/api/v1{path}"
    return sessions[user].request(method, address, json=body, timeout=LONGEST_WAIT)


def a_run(sessions: Sessions, user: str, workflow: str) -> str:
    answer = asked(sessions, user, "POST", f"/workflows/{workflow}/runs?wait=true", {"values": {}})
    assert answer.json()["phase"] == "done", answer.text
    return str(answer.json()["id"])


def test_a_member_may_publish_without_editing(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workflow is in the group's folder."""
    monkeypatch.setitem(GROUPS, "anna", replace(united([RED]), publish=True, edit=False))
    opened = asked(sessions, "anna", "POST", "/workflows?file=new.json", prompt(seed=2)).json()
    kept = asked(sessions, "anna", "POST", f"/workflows/{opened['name']}/keep")
    assert (kept.status_code, kept.json()) == (201, {"name": "crimson/new"})
    assert asked(sessions, "anna", "DELETE", "/workflows/crimson/new").status_code == 204
