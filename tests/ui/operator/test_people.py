"""People on the administrator's page and in REST: add, reset, remove, roles, and their results."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
import websocket

from comfy.library.permissions import Permissions
from comfy.records.audit import WantedEvents
from comfy.records.presets import Preset
from comfy.runs.interface import Origin, RunPolicy
from tests.security.signing_in import history_status, sign_in, signed_in, socket_of
from tests.support.sampler import job
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.accounts.login import SignInSettings
from ui.accounts.users import UsersFile
from ui.settings.groups import GroupTable
from ui.settings.web_settings import WebSettings, group_of

ANNA, BEN = ("anna", "a lighthouse"), ("ben", "a harbour in rain")
PEOPLE = "/api/v1/admin/people"


class Place(NamedTuple):
    app: RunningApp
    anna: requests.Session
    ben: requests.Session
    file: UsersFile


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    file = UsersFile(tmp_path / "users.json")
    file.add(*ANNA, "operator")
    file.add(*BEN, "user")
    groups = {"All": (["*"], None), "Art": (["group:art", "group:web"], 2)}
    tables = [
        GroupTable.model_validate(
            {"name": name, "members": members, "workflows": ["*"], "storage_gb": most}
        )
        for name, (members, most) in groups.items()
    ]
    operators = Permissions(
        operates=lambda owner: file.role(owner.removeprefix("user:")) == "operator",
        group=lambda owner: group_of(tables, owner, file, None),
        assignable=("art", "web"),
    )
    settings = WebSettings(port=0, sign_in=SignInSettings(file=file))
    with (
        running_demo_app(step_seconds=0, settings=settings, permissions=operators) as (_, app),
        signed_in(app, ANNA) as anna,
        signed_in(app, BEN) as ben,
    ):
        yield Place(app, anna, ben, file)


def ask(
    browser: requests.Session, app: RunningApp, method: str, path: str = "", **options: object
) -> requests.Response:
    address = f"{app.url}{PEOPLE}{path}"
    return browser.request(method, address, timeout=LONGEST_WAIT, **options)  # type: ignore[arg-type]


def people(place: Place) -> dict[str, dict[str, object]]:
    return {one["name"]: one for one in ask(place.anna, place.app, "GET").json()["people"]}


def post(place: Place, path: str, **form: str) -> requests.Response:
    """Send a form of the page and return the page that follows."""
    address = f"{place.app.url}/operator/people{path}"
    return place.anna.post(address, data=form, timeout=LONGEST_WAIT)


def test_a_generated_password_is_shown_once(place: Place) -> None:
    """The administrator adds a person without a password. The page shows the generated one once,
    and the person can sign in with it."""
    page = post(place, "", name=" carla ")
    (password,) = re.findall(r'<b id="token">([a-z0-9-]{19})</b>', page.text)
    assert password not in place.anna.get(page.url, timeout=LONGEST_WAIT).text
    assert ">Never</td>" in page.text
    with signed_in(place.app, ("carla", password)) as carla:
        assert history_status(place.app, carla) == 200
    assert place.file.users["carla"].role == "user"
    refused = ask(place.anna, place.app, "POST", json={"name": "Carla"})
    assert refused.json()["detail"] == "The user carla already exists."
    refused = post(place, "", name="carla", password="short")
    assert refused.status_code == 422
    assert "The user carla already exists." in refused.text
    assert 'value="carla"' in refused.text


def test_a_reset_password_ends_sessions_at_once(place: Place) -> None:
    """The person's browser and its socket are signed out, and only the new password is right."""
    with socket_of(place.app, place.ben) as news:
        news.recv()
        answer = ask(place.anna, place.app, "POST", "/ben/password", json={"password": "x" * 9})
        assert answer.json() == {"name": "ben", "password": ""}
        while (kind := news.recv_data()[0]) != websocket.ABNF.OPCODE_CLOSE:
            assert kind == websocket.ABNF.OPCODE_TEXT
    assert history_status(place.app, place.ben) == 401
    assert sign_in(place.app, place.ben, BEN) == 400
    assert sign_in(place.app, place.ben, ("ben", "x" * 9)) == 200
    assert ask(place.anna, place.app, "POST", "/ben/password", json={"password": "x"}).ok is False


def test_a_removed_persons_results_stay_until_deleted(place: Place) -> None:
    """Removing ends the sessions at once. The results are listed under the name of the removed
    person, until an administrator deletes them, with the batches and presets. A running batch
    stops at once."""
    batch = place.ben.post(
        f"{place.app.url}/api/v1/workflows/text-to-image/batches",
        json={"values": {}, "axes": [{"field": "5.seed", "text": ", ".join(map(str, range(200)))}]},
        timeout=LONGEST_WAIT,
    )
    assert batch.status_code == 201, batch.text
    history = place.app.runs.history
    history.presets.save("user:ben", "text-to-image", Preset("warm", {"5.steps": 1}))
    history.presets.save("user:anna", "text-to-image", Preset("warm", {"5.steps": 1}))
    run = place.app.runs.submit(job(), Origin("user:ben"), RunPolicy(keeps_going=True))
    eventually(lambda: run.state.phase.finished)
    assert int(str(people(place)["ben"]["runs_this_week"])) > 0
    assert ask(place.anna, place.app, "DELETE", "/ben").status_code == 204
    assert history_status(place.app, place.ben) == 401
    (stopped,) = place.app.services.batches.of("user:ben")
    assert stopped.state == "stopped"
    activity = place.anna.get(f"{place.app.url}/operator/activity", timeout=LONGEST_WAIT)
    assert '<option value="user:ben">ben (removed)</option>' in activity.text
    refused = ask(place.anna, place.app, "POST", json={"name": "ben"})
    assert refused.json()["detail"] == "“ben” had an account whose results are still here."
    left = people(place)["ben"]
    assert left["way"] == "removed"
    assert int(str(left["bytes"])) > 0
    page = post(place, "/ben/remove", results="true")
    assert page.status_code == 200
    assert place.app.services.batches.of("user:ben") == ()
    assert history.presets.of("user:ben", "text-to-image") == ()
    assert len(history.presets.of("user:anna", "text-to-image")) == 1
    eventually(lambda: history.of("user:ben") == ())
    assert ask(place.anna, place.app, "DELETE", "/ben").status_code == 404
    place.app.deletion.delete_unlisted()
    events = list(history.audit.of(WantedEvents(text="delete")))
    assert [one.what for one in events] == ["anna deleted the results of ben."]
    assert ask(place.anna, place.app, "POST", json={"name": "ben"}).status_code == 201


def test_a_new_person_gets_nothing_of_an_earlier_one(place: Place) -> None:
    """The page lists a name that left something, even without results, and refuses it. The
    administrator deletes what it left and adds the name."""
    presets = place.app.runs.history.presets
    presets.save("user:ben", "text-to-image", Preset("warm", {"5.steps": 1}))
    assert "Delete results…" in post(place, "/ben/remove").text
    refused = post(place, "", name="ben", password=BEN[1])
    assert refused.status_code == 422
    assert "“ben” had an account whose results are still here." in refused.text
    assert "This also deletes presets, private workflows and, for everyone," in refused.text
    assert "Delete results…" not in post(place, "/ben/remove", results="true").text
    assert post(place, "", name="ben", password=BEN[1]).status_code == 200
    assert presets.of("user:ben", "text-to-image") == ()


def test_links_end_with_their_owner(place: Place) -> None:
    """A removed person's links show nothing. Administrators see all links without their tokens,
    with the time that tells them apart, and end any. They don't see a removed person's links,
    which stay ended for a new person with the name. That person's row tells about the results."""
    run = place.app.runs.submit(job(), Origin("user:ben"), RunPolicy(keeps_going=True))
    eventually(lambda: run.state.phase.finished)
    address = f"{place.app.url}/api/v1/link?file={run.id}/0"

    def shared() -> str:
        made = place.ben.post(address, timeout=LONGEST_WAIT).json()["address"]
        return f"{place.app.url}{made}"

    page = check_links(place, shared, "results")
    time = r"\w+ \d+, \d{4}, \d+:\d\d.[AP]M"
    about = f"Shared results · Newest result: {time}"
    assert re.search(rf"<b>[^<]+</b><small>{about}</small></th><td[^>]*>ben<", page)
    assert '"Who can open it">Everyone signed in<' in page
    assert re.search(r"<td[^>]*>1</td><td[^>]*>No end<", page)
    people = place.anna.get(f"{place.app.url}/operator/people", timeout=LONGEST_WAIT).text
    assert "Results kept under this name" in people


def test_administrators_open_their_own_links(place: Place) -> None:
    """The list has no address of another user's results, and opens the administrator's own."""
    own, other = (
        place.app.runs.submit(job(), Origin(f"user:{name}"), RunPolicy(keeps_going=True))
        for name in ("anna", "ben")
    )
    eventually(lambda: own.state.phase.finished and other.state.phase.finished)
    for browser, run in ((place.anna, own), (place.ben, other)):
        address = f"{place.app.url}/api/v1/link?file={run.id}/0"
        assert browser.post(address, timeout=LONGEST_WAIT).ok
    page = place.anna.get(f"{place.app.url}/operator/tokens", timeout=LONGEST_WAIT).text
    (address,) = re.findall(r'href="(shared/[^"]+)"', page)
    assert place.anna.get(f"{place.app.url}/{address}", timeout=LONGEST_WAIT).status_code == 200
    for browser, run in ((place.anna, own), (place.ben, other)):
        address = f"{place.app.url}/api/v1/link?file={run.id}/0"
        assert browser.delete(address, timeout=LONGEST_WAIT).ok


def check_links(place: Place, make: Callable[[], str], kind: str) -> str:
    """Check that Ben's only link, which `make` creates, ends with him and by an administrator, and
    return the administrator's page with it."""
    api, tokens = f"{place.app.url}/api/v1/admin/links", f"{place.app.url}/operator/tokens"
    link = make()

    def status() -> int:
        return place.anna.get(link, timeout=LONGEST_WAIT).status_code

    def listed() -> list[Any]:
        return list(place.anna.get(api, timeout=LONGEST_WAIT).json()["links"])

    (row,) = listed()
    page = place.anna.get(tokens, timeout=LONGEST_WAIT).text
    assert (row["owner"], row["kind"], status()) == ("ben", kind, 200)
    assert link.rpartition("/")[2] not in str(row) + page
    place.file.remove("ben")
    assert (status(), listed()) == (404, [])
    place.file.add(*BEN, "user")
    assert status() == 200
    place.anna.post(f"{tokens}/links/{row['id']}/end", timeout=LONGEST_WAIT)
    assert status() == 404
    event = place.anna.get(f"{place.app.url}/api/v1/admin/audit", timeout=LONGEST_WAIT).json()
    what = event["events"][0]["what"]
    assert what.startswith("anna ended a link of ben: “")
    assert ("test" in what) == (kind == "results")
    assert sign_in(place.app, place.ben, BEN) == 200
    link = make()
    place.anna.delete(f"{api}/{listed()[0]['id']}", timeout=LONGEST_WAIT)
    assert status() == 404
    link = make()
    assert status() == 200
    post(place, "/ben/remove")
    place.file.add(*BEN, "user")
    assert (status(), listed()) == (404, [])
    return page


def test_groups_are_set_on_the_page_and_in_rest(place: Place) -> None:
    """The page has a box per group of the settings, and one for each that a person is in anyway."""
    place.file.set_groups("ben", ["old"])
    page = post(place, "", name="carla", password="x" * 9, groups="art").text
    assert place.file.users["carla"].groups == ("art",)
    boxes = re.findall(r'value="(\w+)"( checked)?>\n<label for="group-1-', page)
    assert boxes == [("art", ""), ("web", ""), ("old", " checked")]
    assert 'data-name="Groups"' in page
    assert "0\u00a0kB of 2\u00a0GB" in page
    post(place, "/ben/groups", groups="web")
    assert people(place)["ben"]["groups"] == ["All", "Art"]
    assert people(place)["ben"]["assigned"] == ["web"]
    post(place, "/ben/groups")
    assert place.file.users["ben"].groups == ()
    changed = {"groups": ["art", "web"]}
    assert ask(place.anna, place.app, "PATCH", "/ben", json=changed).status_code == 204
    assert place.file.users["ben"].groups == ("art", "web")
    actions = place.anna.get(f"{place.app.url}/api/v1/admin/audit?action=administer").json()[
        "events"
    ]
    assert actions[0]["what"] == "anna put ben in groups: art, web"
    new = {"name": "dora", "groups": ["web"]}
    assert ask(place.anna, place.app, "POST", json=new).status_code == 201
    assert place.file.users["dora"].groups == ("web",)
    assert ask(place.anna, place.app, "PATCH", "/eve", json=changed).status_code >= 400
    other_path = ask(place.anna, place.app, "PATCH", "/ben/password", json={"password": "x" * 12})
    assert other_path.status_code == 404
    nothing = ask(place.anna, place.app, "PATCH", "/ben", json={"rol": "user"})
    assert (nothing.status_code, "Send a role, groups, or both." in nothing.text) == (422, True)


def test_administrators_keep_their_own_role(place: Place) -> None:
    """An administrator can't remove or demote themselves, so at least one administrator stays."""
    assert ask(place.anna, place.app, "DELETE", "/anna").status_code == 409
    assert ask(place.anna, place.app, "PATCH", "/anna", json={"role": "user"}).status_code == 409
    assert ask(place.anna, place.app, "PATCH", "/ben", json={"role": "operator"}).ok
    assert people(place)["ben"]["role"] == "operator"
    assert "anna" in ask(place.ben, place.app, "GET").text
    page = post(place, "/ben/role", role="user")
    assert page.status_code == 200
    assert ask(place.ben, place.app, "GET").status_code == 404


def test_a_form_leads_back_for_any_name(place: Place) -> None:
    """The page follows also if the form's address has letters that URLs encode."""
    assert post(place, "", name="jörg", password="x" * 9).ok
    page = post(place, "/jörg/role", role="operator")
    assert (page.status_code, page.url) == (200, f"{place.app.url}/operator/people")


def test_users_and_other_sites_change_no_people(place: Place) -> None:
    """Users who aren't administrators get 404, and other sites' pages 401, on the page and in
    REST."""
    foreign = {"Origin": "https://evil.example"}
    for path, method in (("", "GET"), ("", "POST"), ("/anna", "DELETE"), ("/anna", "PATCH")):
        assert ask(place.ben, place.app, method, path).status_code == 404
    for method, path in (("POST", ""), ("DELETE", "/ben"), ("POST", "/ben/password")):
        refused = ask(place.anna, place.app, method, path, headers=foreign)
        assert refused.status_code == 401
    address = f"{place.app.url}/operator/people/ben/remove"
    assert place.anna.post(address, headers=foreign, timeout=LONGEST_WAIT).status_code == 401
    assert place.ben.post(address, timeout=LONGEST_WAIT).status_code == 404
    assert set(place.file.users) == {"anna", "ben"}
