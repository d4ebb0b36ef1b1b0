"""Routes of templates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from comfy.base.user_groups import UserGroup
from comfy.library.permissions import Permissions
from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB
from tests.support.samples.forms import text_to_image
from tests.support.serving import RunningApp, Served, running_app
from tests.templates.template_server import image, some_templates
from tests.ui.api.api_calls import call, problem, run_of


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    """Serve an app whose users may start from templates, but may not open their own workflows."""
    permissions = Permissions(open=lambda _: False, templates=lambda _: True)
    with (
        DemoServer(step_seconds=0, templates=some_templates()) as demo,
        running_app(demo.url, permissions=permissions) as app,
    ):
        yield demo, app


def test_templates_are_listed(app: RunningApp) -> None:
    """Each has the path that opens it."""
    listed = {one["id"]: one for one in call(app, "GET", "/templates").json()["templates"]}
    assert listed["runs_here"]["url"] == "/api/v1/templates/runs_here"
    assert listed["runs_here"]["thumb"] == "/api/v1/templates/runs_here/thumb"
    assert listed["some_pack/My first"]["url"] == "/api/v1/templates/some_pack/My%20first"
    assert listed["takes_photo"]["inputs"] == ["image"]


def test_a_group_sees_its_templates_only(app: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another template is like an unknown one in the list, the check, the image and when opened."""
    group = UserGroup(templates=("some_pack/*",))
    permissions = replace(app.services.forms.permissions, group=lambda _: group)
    monkeypatch.setattr(app.services.forms, "permissions", permissions)
    listed = call(app, "GET", "/templates").json()["templates"]
    assert [one["id"] for one in listed] == ["some_pack/My first"]
    assert call(app, "GET", "/templates/readiness").json()["templates"].keys() <= {
        "some_pack/My first"
    }
    for method, path in (("POST", "/templates/{}"), ("GET", "/templates/{}/thumb")):
        hidden, unknown = (
            call(app, method, path.format(name)) for name in ("runs_here", "nowhere")
        )
        assert (hidden.status_code, hidden.json()) == (unknown.status_code, unknown.json())
        assert hidden.status_code == 404


def test_titles_are_in_the_callers_language(app: RunningApp) -> None:
    """The server's own index in that language has them."""
    answer = call(app, "GET", "/templates", headers={"accept-language": "fr"}).json()
    assert "Un bateau" in [one["title"] for one in answer["templates"]]


def test_readiness_lists_missing_parts(app: RunningApp) -> None:
    """Programs get the same facts as the page."""
    answer: dict[str, object] = {}
    while not answer.get("is_complete"):
        answer = call(app, "GET", "/templates/readiness").json()
    found = answer["templates"]
    assert isinstance(found, dict)
    assert {name: one["needs"] for name, one in found.items()} == {
        "runs_here": "nothing",
        "takes_photo": "nothing",
        "some_pack/My first": "nothing",
        "lacks_model": "models",
        "lacks_pack": "nodes",
        "needs_newer": "comfyui",
        "broken": "another workflow",
    }
    assert found["lacks_pack"]["packs"] == [
        {
            "id": "fancy-pack",
            "version": "1.0.0",
            "url": "https://registry.comfy.org/nodes/fancy-pack",
        }
    ]


def test_a_template_opens_and_runs(app: RunningApp) -> None:
    """It belongs to the caller alone, even where users can't open their own files."""
    opened = call(app, "POST", "/templates/runs_here").json()
    assert opened["missing"] == []
    form = call(app, "GET", f"/workflows/{opened['name']}").json()
    assert (form["title"], form["description"]) == ("Runs here", "About runs_here.")
    assert run_of(app, opened["name"], {})["phase"] == "done"
    problem(call(app, "GET", f"/workflows/{opened['name']}", BOB), 404)
    listed = call(app, "GET", "/workflows", ANN).json()["workflows"]
    assert opened["name"] in [one["name"] for one in listed]
    refused = call(app, "POST", "/workflows", data=b"{}")
    assert problem(refused, 422)["detail"] == "Opening your own workflows is turned off."


@pytest.mark.parametrize(
    ("file", "title"),
    [
        ("runs_here.json", "Un bateau"),
        ("takes_photo.json", "Texte vers image (SD 1.5)"),
        ("my_boat.json", "Texte vers image (SD 1.5)"),
        ("My boat.json", "My boat"),
    ],
)
def test_an_opened_file_has_the_title_of_its_template(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch, file: str, title: str
) -> None:
    """Users open what they downloaded as a template. The title is in their language. Another
    workflow with a template's name, or a name for machines, has the title of what it makes."""
    permissions = replace(app.services.forms.permissions, open=lambda _: True)
    monkeypatch.setattr(app.services.forms, "permissions", permissions)
    french, data = {"accept-language": "fr"}, json.dumps(text_to_image()).encode()
    opened = call(app, "POST", f"/workflows?file={file}", data=data, headers=french).json()
    assert call(app, "GET", f"/workflows/{opened['name']}").json()["title"] == title
    call(app, "DELETE", f"/workflows/{opened['name']}")


def test_a_template_brings_its_example_files(app: RunningApp) -> None:
    """They are copied for the caller from the files that the server publishes."""
    opened = call(app, "POST", "/templates/takes_photo").json()
    ((key, value),) = opened["values"].items()
    assert key == "20.image"
    assert opened["missing"] == []
    assert run_of(app, opened["name"], {key: value["file"]})["phase"] == "done"


def test_an_opened_template_brings_its_example_files(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A foreign file gets none."""
    permissions = replace(app.services.forms.permissions, open=lambda _: True)
    monkeypatch.setattr(app.services.forms, "permissions", permissions)
    data = some_templates().files["takes_photo.json"]
    opened = call(app, "POST", "/workflows?file=takes_photo.json", data=data).json()
    assert [*opened["values"]] == ["20.image"]
    assert opened["missing"] == []
    foreign = call(app, "POST", "/workflows?file=my_photo.json", data=data + b"  ").json()
    assert foreign["values"] is None


def test_a_template_of_a_pack_opens(app: RunningApp) -> None:
    """Its name has a space."""
    opened = call(app, "POST", "/templates/some_pack/My%20first").json()
    assert call(app, "GET", f"/workflows/{opened['name']}").json()["title"] == "My first"


def test_the_image_is_a_small_webp(app: RunningApp) -> None:
    """Drawn by the app."""
    answer = call(app, "GET", "/templates/runs_here/thumb")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.content[8:12] == b"WEBP"
    assert answer.content != image()


HOSTILE = (
    *("..", "../x", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "index", "index.json"),
    *("http://127.0.0.1:1/x", "//example.org/x", "some_pack/../../x", "runs_here%00", "x" * 3000),
    *("some_pack", "some_pack/", "input/boat", "runs_here/", "Runs_here", "thumb", "readiness"),
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_open_nothing(running: Served, name: str) -> None:
    """Nothing but a listed template is requested from a server."""
    demo, app = running
    call(app, "GET", "/templates")
    before = demo.requests.total()
    assert call(app, "POST", f"/templates/{name}").status_code in (404, 405)
    assert call(app, "GET", f"/templates/{name}/thumb").status_code == 404
    assert demo.requests.total() == before


def test_only_images_are_sent(running: Served) -> None:
    """A server's bytes could be a page with a script."""
    _, app = running
    answer = call(app, "GET", "/templates/lacks_model/thumb")
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_broken_template_says_so(app: RunningApp) -> None:
    """The reason is the same as for a file."""
    assert problem(call(app, "POST", "/templates/broken"), 422)["detail"]


def test_users_without_permission_get_nothing() -> None:
    """All routes say why."""
    with (
        DemoServer(step_seconds=0, templates=some_templates()) as demo,
        running_app(demo.url, permissions=Permissions(templates=lambda _: False)) as app,
    ):
        for method, path in (
            ("GET", "/templates"),
            ("GET", "/templates/readiness"),
            ("GET", "/templates/runs_here/thumb"),
            ("POST", "/templates/runs_here"),
        ):
            told = problem(call(app, method, path), 422)
            assert told["detail"] == "Templates are turned off."
