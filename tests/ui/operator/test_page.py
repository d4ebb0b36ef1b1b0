"""The administrator's page: its figures, its buttons and its access rules."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import requests

from comfy.library.permissions import Permissions
from comfy.library.private import MARK
from comfy.runs.interface import Origin, RunPolicy
from comfyui_standin import DemoServer
from tests.support.sampler import LONG, job
from tests.support.serving import running_app, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.operator.conftest import TOKEN, Place, hidden


def page(place: Place) -> str:
    answer = place.anna.get(f"{place.app.url}/operator", timeout=LONGEST_WAIT)
    assert answer.status_code == 200
    return html.unescape(answer.text)


def press(place: Place, browser: requests.Session, action: str, number: object = 0) -> int:
    """Submit a button's form and return the status."""
    address = f"{place.app.url}/operator/servers/{number}/{action}"
    return browser.post(address, timeout=LONGEST_WAIT, allow_redirects=False).status_code


def test_only_operators_find_it(place: Place) -> None:
    """A signed-in user who isn't an administrator gets 404 without a sign-in prompt, as at any
    unknown address; a browser shows it as a page. The buttons do nothing for them."""
    address = f"{place.app.url}/operator"
    for nothing in (address, f"{place.app.url}/no where/"):
        assert place.ben.get(nothing, timeout=LONGEST_WAIT).status_code == 404
        shows = {"Accept": "text/html,*/*;q=0.8"}
        told = place.ben.get(nothing, headers=shows, timeout=LONGEST_WAIT)
        assert (told.status_code, told.headers["cache-control"]) == (404, "no-store")
        assert "Page not found" in told.text
        assert '<base href="/">' in told.text
    nobody = requests.get(address, timeout=LONGEST_WAIT)
    assert 'id="sign-in"' in nobody.text
    assert place.one.url not in nobody.text
    with requests.Session() as stranger:
        assert press(place, stranger, "pause") == 401
    for number in (0, 9, "x"):
        assert press(place, place.ben, "pause", number) == 404
    foreign = {"Origin": "https://evil.example"}
    sent = place.anna.post(f"{address}/servers/0/pause", headers=foreign, timeout=LONGEST_WAIT)
    assert sent.status_code == 401
    assert not place.app.services.servers.servers[0].drained
    assert press(place, place.anna, "pause", 9) == press(place, place.anna, "stop") == 404


def test_it_has_the_app_s_header_and_named_servers(place: Place) -> None:
    """The way back and the theme switch are at the top. A server without a name of its own has a
    number, and its address is a detail. Weeks without runs aren't listed."""
    told = page(place)
    head, _, rest = told.partition("</header>")
    assert 'href="./">Create</a>' in head
    assert 'id="shade"' in head
    assert "Open ComfyForms" not in rest
    assert re.findall(r"<b>(ComfyUI [^<]+)</b>", rest)[:2] == ["ComfyUI 1", "ComfyUI 2"]
    assert f"<br>{place.one.url}</th>" in rest
    usage = place.anna.get(f"{place.app.url}/operator/usage", timeout=LONGEST_WAIT).text
    assert "0 runs" not in re.sub(r"<svg.*?</svg>", "", usage, flags=re.DOTALL)


def test_it_shows_runs_without_their_contents(place: Place) -> None:
    """The page shows each run's owner, workflow, progress and server. It shows no texts, and no
    names of workflows that users opened for themselves."""
    shared = replace(job(LONG), title="Boats & more", titles={"4": "my secret title"})
    own = replace(job(LONG), workflow=f"{MARK}abc", title="my diary")
    runs = [
        place.app.runs.submit(one, Origin(owner), RunPolicy(keeps_going=True))
        for one, owner in ((shared, "user:ben"), (own, "browser:guest-xyz"), (shared, "user:carla"))
    ]
    eventually(lambda: [run.state.step > 0 for run in runs].count(True) == 2)
    told = page(place)
    for run in runs:
        run.cancel()
    assert "Boats & more" in told
    assert "ben" in told
    at = "|".join(demo.url for demo in (place.one, place.other))
    assert {one for run in runs if (one := run.record.server)} == set(at.split("|"))
    assert len(re.findall(rf"Running, step \d+ of 10000</td><td[^>]*>({at})<", told)) == 2
    assert "carla" in told
    assert "Waiting, 2 runs ahead" in told
    assert "The user's own workflow" in told
    for secret in ("my diary", "a lighthouse", "my secret title", "guest-xyz", TOKEN):
        assert secret not in told
    eventually(lambda: all(run.state.phase.finished for run in runs))
    eventually(lambda: ">No runs</p>" in page(place))


def test_it_counts_the_runs_of_a_day(place: Place) -> None:
    """The first card counts the servers, and the runs and people of the last 24 hours. Its charts
    have a text. REST has the same figures."""

    def figures() -> dict[str, str]:
        return dict(
            re.findall(r"<dt>(?:<[^>]*>)?([^<]+)(?:</\w+>)?</dt><dd[^>]*>([^<]+)<", page(place))
        )

    place.app.end_runs()
    before = figures()
    assert before["Servers online"] == "2 of 2"
    done, refused = (
        place.app.runs.submit(one, Origin("user:ben"), RunPolicy(keeps_going=True))
        for one in (job(), job(sampler_name="nonsense"))
    )
    eventually(lambda: done.state.phase.finished and refused.state.phase.finished)
    after = figures()
    for name, more in (("Runs in 24 hours", 2), ("Failed in 24 hours", 1), ("Running", 0)):
        assert int(after[name]) == int(before[name]) + more
    (failed,) = re.findall(r'href="([^"]+)">Failed in 24 hours<', page(place))
    listed = place.anna.get(f"{place.app.url}/{failed}", timeout=LONGEST_WAIT).text
    assert refused.state.error is not None
    why = html.escape(refused.state.error.message)
    title = html.escape(f"{refused.record.job.title}: ")
    assert re.search(rf">ben</a></th>.*>Failed</span></td>.*>{title}{re.escape(why)}<", listed)
    servers = f"{place.one.url}|{place.other.url}"
    assert re.search(rf"<small>({servers}) · <code>{refused.id}</code></small>", listed)
    for query in ("account=x", "text=%3Cbr"):  # markup isn't searched
        answer = place.anna.get(f"{place.app.url}/{failed}&{query}", timeout=LONGEST_WAIT)
        assert "Nothing matches." in answer.text
    found = place.anna.get(f"{place.app.url}/{failed}&text={why[:9].upper()}", timeout=LONGEST_WAIT)
    assert f"{title}{why}<" in found.text
    assert int(after["People in 24 hours"]) > 0
    assert re.search(r'aria-label="[^"]*, \d+:\d\d.[AP]M: \d+ runs, \d+ failed', page(place))
    usage = place.anna.get(f"{place.app.url}/api/v1/admin/usage", timeout=LONGEST_WAIT).json()
    assert sum(one["runs"] for one in usage["day"]["hours"]) == int(after["Runs in 24 hours"])


def test_it_shows_the_state_of_servers_and_missing_nodes(place: Place) -> None:
    """The page shows the versions. Another page names the missing models and nodes once each, with
    the workflows that want them, even if a form uses a replacement."""
    told = page(place)
    assert place.one.url in told
    assert place.other.url in told
    assert re.search(r'"Queue"[^>]*>\d+ running, \d+ waiting', told)
    assert re.search(r'"Memory"[^>]*>[\d.]+ of [\d.]+\sGB free', told)
    french = place.anna.get(
        f"{place.app.url}/operator", headers={"Accept-Language": "fr"}, timeout=LONGEST_WAIT
    )
    assert '<html lang="fr"' in french.text
    assert re.search(r"ComfyForms [\d.]+ · Gradio 6", told)
    missing = place.anna.get(f"{place.app.url}/operator/missing", timeout=LONGEST_WAIT).text
    assert missing.count("nowhere.safetensors") == 1
    assert "which pack these nodes come from" in missing
    assert "1 node: SaveNowhere" in missing
    assert "Wanted by: Lacking" in missing
    assert "Replaced" in missing
    assert "Whole" not in missing


def test_the_stand_in_needs_no_other_models() -> None:
    """In demo mode, the page doesn't list the models that the stand-in's own replace."""
    alone = Permissions(operates=lambda _: True)
    with running_demo_app(permissions=alone) as (_, app):
        told = requests.get(f"{app.url}/operator/missing", timeout=LONGEST_WAIT).text
        assert "Every shared workflow has what it needs." in told
        missing = requests.get(f"{app.url}/api/v1/admin/missing", timeout=LONGEST_WAIT).json()
        assert missing["models"] == []


def test_health_names_the_servers_for_operators_alone(place: Place) -> None:
    """Other users see numbers instead of names. The app never shows the credentials for a
    server."""
    told = {}
    for name, browser in (("anna", place.anna), ("ben", place.ben)):
        answer = browser.get(f"{place.app.url}/api/v1/health", timeout=LONGEST_WAIT)
        assert TOKEN not in answer.text
        told[name] = [server["name"] for server in answer.json()["servers"]]
    places = [demo.url.removeprefix("http://") for demo in (place.one, place.other)]
    assert told == {"anna": places, "ben": ["ComfyUI 1", "ComfyUI 2"]}


def test_without_threads_the_page_still_shows_the_servers(refused_threads: set[str]) -> None:
    """The page and the metrics show the servers' state, because that is when administrators
    look."""
    refused_threads.update(("nodes", "reports"))
    alone = Permissions(operates=lambda _: True)
    with DemoServer() as one, DemoServer() as other:
        with running_app(hidden(one.url), hidden(other.url), permissions=alone) as app:
            for path in ("operator", "metrics"):
                answer = requests.get(f"{app.url}/{path}", timeout=LONGEST_WAIT)
                assert answer.status_code == 200
                assert one.url in answer.text
                assert other.url in answer.text
        refused_threads.clear()


def test_the_pages_say_that_the_server_is_the_stand_in() -> None:
    """Administrators of a demo see that it isn't connected to ComfyUI, and others don't."""
    for is_demo in (True, False):
        operators = Permissions(operates=lambda _: True)
        with running_demo_app(demo=is_demo, permissions=operators) as (_, app):
            page = requests.get(f"{app.url}/operator", timeout=LONGEST_WAIT).text
            assert ("not connected to ComfyUI" in page) == is_demo
            assert "No runs in the last 24 hours" in page
