"""Groups and runs: servers, limits, and administrators' figures and audit log."""

from __future__ import annotations

import csv
import html
import io
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
import requests

from comfy.base.user_groups import UserGroup, united
from comfy.comfyui.client.address import ServerAddress
from comfy.library.permissions import Permissions
from comfy.records.audit import AuditAction, DayRuns
from comfy.runs.limits import RunLimits
from comfyui_standin import DemoServer
from tests.security.signing_in import signed_in
from tests.support.serving import PAINTED, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.administration.audit_log import AuditLog
from ui.settings.web_settings import WebSettings
from ui.web.guesses import FailedSignIns

USERS = tuple((name, "lighthouse") for name in ("anna", "ben", "cleo"))
ALL = UserGroup(("all",), workflows=("*",), servers=("slow",), runs=3, waiting=2)
SMALL = {"values": {"5.steps": 1, "4.width": 256, "4.height": 256}}
RUNS = "/api/v1/workflows/text-to-image/runs"


class Site(NamedTuple):
    """App with two servers, and its users. Ben's group uses one server."""

    app: RunningApp
    anna: requests.Session
    ben: requests.Session
    cleo: requests.Session


def group_of(owner: str) -> UserGroup | None:
    return {"user:ben": united([ALL]), "user:cleo": united([])}.get(owner)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    found: list[RunningApp] = []

    def today(owner: str) -> DayRuns:
        history = found[0].services.runs.history
        return history.audit.runs_today(owner)

    def labeled(demo: DemoServer, name: str) -> ServerAddress:
        return replace(ServerAddress.parse(demo.url), label=name)

    with (
        DemoServer(step_seconds=0, painted=PAINTED) as fast,
        DemoServer(step_seconds=0, painted=PAINTED) as slow,
        running_app(
            labeled(fast, "fast"),
            labeled(slow, "slow"),
            settings=WebSettings(port=0, users=USERS),
            permissions=Permissions(operates=lambda one: one == "user:anna", group=group_of),
            run_limits=RunLimits(groups=group_of, started_today=today),
        ) as app,
        signed_in(app, USERS[0]) as anna,
        signed_in(app, USERS[1]) as ben,
        signed_in(app, USERS[2]) as cleo,
    ):
        found.append(app)
        yield Site(app, anna, ben, cleo)


@pytest.fixture(scope="module")
def annas_run(site: Site) -> str:
    return str(started(site, site.anna).json()["id"])


def started(site: Site, user: requests.Session) -> requests.Response:
    address = f"{site.app.url}{RUNS}?wait=true"
    return user.post(address, json=SMALL, timeout=LONGEST_WAIT)


def events(site: Site, **query: object) -> list[dict[str, object]]:
    answer = site.anna.get(
        f"{site.app.url}/api/v1/admin/audit", params=dict(query), timeout=LONGEST_WAIT
    )
    assert answer.status_code == 200, answer.text
    return list(answer.json()["events"])


def test_runs_use_the_groups_server_and_a_day_has_a_limit(site: Site) -> None:
    """Deleted runs count, too. Administrators have no limit."""
    began = time.time()
    ids = [started(site, site.ben).json()["id"] for _ in range(3)]
    history = site.app.services.runs.history
    slow = site.app.services.servers.servers[1]
    assert {history.get(one, "user:ben").server for one in ids} == {slow.url}  # type: ignore[union-attr]
    gone = site.ben.delete(f"{site.app.url}/api/v1/runs/{ids[0]}", timeout=LONGEST_WAIT)
    assert gone.status_code == 200
    refused = started(site, site.ben)
    assert refused.status_code == 429
    assert "You can start at most 3 runs in 24 hours." in refused.text
    assert "The next run can start in about 24 hours." in refused.text
    assert started(site, site.anna).status_code == 201
    noted = [(one["person"], one["action"], one["run"]) for one in events(site, since=began)]
    assert noted.count(("ben", "delete", ids[0])) == 1
    assert [one for one in noted if one[:2] == ("ben", "run")] == [
        ("ben", "run", one) for one in reversed(ids)
    ]


def test_a_batch_waits_for_the_daily_limit(site: Site) -> None:
    """The check says how many runs are left. A batch beyond the limit says when it continues, has no
    estimate, and is among the waiting ones on the administrators' page."""
    batches = f"{site.app.url}{RUNS.removesuffix('/runs')}/batches"
    sent = {**SMALL, "axes": [{"field": "5.seed", "text": "1, 2"}]}
    for user, left in ((site.ben, 0), (site.anna, None)):
        check = user.post(f"{batches}/check", json=sent, timeout=LONGEST_WAIT)
        assert check.json()["runs_left"] == left
        storage = user.get(f"{site.app.url}/api/v1/storage", timeout=LONGEST_WAIT)
        assert storage.json()["runs_left"] == left
    refused = started(site, site.ben)
    assert 86_000 < int(refused.headers["retry-after"]) <= 86_400
    batch = site.ben.post(batches, json=sent, timeout=LONGEST_WAIT).json()["url"]

    def told() -> dict[str, Any]:
        address = f"{site.app.url}{batch}?with_page=true"
        return dict(site.ben.get(address, timeout=LONGEST_WAIT).json())

    eventually(lambda: told()["why"])
    limit = "You can start at most 3 runs in 24 hours."
    assert told()["why"] == f"{limit} The next run can start in about 24 hours."
    assert (told()["state"], told()["page"]["seconds_left"]) == ("running", None)
    page = site.anna.get(f"{site.app.url}/operator", timeout=LONGEST_WAIT).text
    assert "0 of 2 done<br>You can start at most 3 runs in 24 hours." in page
    assert '<dt>Waiting in this app</dt><dd class="">2</dd>' in page
    assert site.ben.delete(f"{site.app.url}{batch}", timeout=LONGEST_WAIT).ok


def test_a_user_in_no_group_starts_nothing(site: Site) -> None:
    """The workflow doesn't exist for this user."""
    assert started(site, site.cleo).status_code == 404


@pytest.mark.parametrize(
    ("path", "headers", "is_noted"),
    [
        ("/files/{}/0/a.png", {}, True),
        ("/files/{}/0/a.png", {"sec-fetch-mode": "no-cors"}, False),
        ("/files/{}/0/b.png", {"sec-fetch-mode": "navigate"}, True),
        ("/files/{}/0/a.png", {"range": "bytes=100-"}, False),
        ("/files/{}/0/a.png", {"user-agent": "Mozilla/5.0", "accept": "image/*"}, False),
        ("/files/{}/0/c.png", {"user-agent": "Mozilla/5.0", "accept": "text/html,*/*"}, True),
        ("/files/{}/0/thumb", {}, False),
        ("/files/{}/all.zip", {"sec-fetch-mode": "cors"}, True),
        ("/files/chosen.zip?run={}", {}, True),
        ("/files/{}/9/a.png", {}, False),
        ("/api/v1/runs/{}/files/0", {}, True),
        ("/api/v1/runs/{}", {}, False),
    ],
)
def test_downloads_are_noted_but_not_views(
    site: Site, annas_run: str, path: str, headers: dict[str, str], is_noted: bool
) -> None:
    """A page that shows a result doesn't download it, nor does a refused request."""
    began, address = time.time(), path.format(annas_run)
    site.anna.get(site.app.url + address, headers=headers, timeout=LONGEST_WAIT)
    noted = [one["what"] for one in events(site, since=began) if one["action"] == "download"]
    assert noted == [f"GET {address}"] * is_noted


def test_the_log_of_downloads_keeps_no_secrets(site: Site, annas_run: str) -> None:
    """A request may carry a token in its query."""
    began, address = time.time(), f"/files/{annas_run}/0/secret.png"
    secret = f"{site.app.url}{address}?token=secret&%74oken=secret"
    assert site.anna.get(secret, timeout=LONGEST_WAIT).status_code == 200
    assert [one["what"] for one in events(site, since=began)] == [f"GET {address}"]


def test_equal_downloads_of_a_minute_are_one_event(site: Site, annas_run: str) -> None:
    """The event has their number, also on the page."""
    began = time.time()
    for _ in range(3):
        site.anna.get(f"{site.app.url}/files/{annas_run}/0/equal.png", timeout=LONGEST_WAIT)
    assert [one["count"] for one in events(site, since=began)] == [3]
    page = site.anna.get(f"{site.app.url}/operator/activity", timeout=LONGEST_WAIT).text
    assert "equal.png\u00a0×\u00a03" in page


def test_administrators_export_the_log_as_a_table(site: Site) -> None:
    """It names sharing and administrators' actions, page by page or as a whole. Cells are no
    formulas, and have no control characters."""
    began = time.time()
    run = started(site, site.anna).json()["id"]
    link = f"{site.app.url}/api/v1/link?file={run}/0"
    assert site.anna.post(link, timeout=LONGEST_WAIT).status_code == 200
    notice = {"text": "=1+1\x1bMore."}
    site.anna.post(f"{site.app.url}/api/v1/admin/notice", json=notice, timeout=LONGEST_WAIT)
    table = f"{site.app.url}/api/v1/admin/audit.csv?since={began}"
    answer = site.anna.get(table, timeout=LONGEST_WAIT)
    text = answer.content.decode("utf-8-sig")
    assert text.startswith("Time (UTC),Person,Account,Action,What,Run,Number\r\n")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(one["Person"], one["Account"], one["Action"]) for one in rows] == [
        ("anna", "user:anna", "Administration"),
        ("anna", "user:anna", "Shared"),
        ("anna", "user:anna", "Ran"),
    ]
    assert rows[0]["What"] == "anna shared a notice: “=1+1 More.”"
    assert rows[1]["What"] == f"POST /api/v1/link?file={run}/0"
    assert (rows[2]["What"], rows[2]["Run"]) == ("Text to image (text-to-image)", run)
    assert re.fullmatch(r"[\d-]{10} [\d:]{8}", rows[0]["Time (UTC)"])
    german = site.anna.get(table, headers={"Accept-Language": "de"}, timeout=LONGEST_WAIT)
    assert german.text.startswith("\ufeffZeit (UTC),Person,Konto,Aktion,")
    page = site.anna.get(
        f"{site.app.url}/api/v1/admin/audit?limit=2&since={began}", timeout=LONGEST_WAIT
    ).json()
    rest = events(site, since=began, cursor=page["next"])
    assert not events(site, cursor=rest[-1]["id"], since=began)
    refused = site.anna.get(f"{site.app.url}/api/v1/admin/audit?cursor=1", timeout=LONGEST_WAIT)
    assert refused.status_code == 422
    assert [one["action"] for one in (*page["events"], *rest)] == ["administer", "share", "run"]


def test_the_activity_page_filters_and_pages(site: Site) -> None:
    """It shows runs and administrators' actions, by person, action and day. Guests have the names
    that they gave."""
    history = site.app.services.runs.history
    run = started(site, site.anna)
    assert run.status_code == 201
    site.anna.post(f"{site.app.url}/api/v1/admin/notice", json={"text": "Hi"}, timeout=LONGEST_WAIT)
    for number in range(101):
        history.audit.add("", "review", f"Image {number}.", guest="Dora (client) (guest)")

    def shown(query: str) -> list[tuple[str, ...]]:
        address = f"{site.app.url}/operator/activity?{query}"
        page.append(site.anna.get(address, timeout=LONGEST_WAIT).text)
        rows = re.findall(r"<tr>(<th scope=\"row\">.*?)</tr>", page[-1], re.DOTALL)
        return [tuple(re.findall(r">([^<]+)</(?:a|td|span)>", row)) for row in rows]

    page: list[str] = []
    dora = shown("account=guest%3ADora+%28client%29+%28guest%29")
    assert [one[:3] for one in dora[:2]] == [
        ("Dora (client) (guest)", "Reviewed", "Image 100."),
        ("Dora (client) (guest)", "Reviewed", "Image 99."),
    ]
    assert len(dora) == 100
    assert (">Older</a>" in page[-1], ">Newest</a>" in page[-1]) == (True, False)
    (older,) = re.findall(r'href="operator/activity\?([^"]+cursor=[^"]+)"', page[-1])
    assert [one[2] for one in shown(html.unescape(older))] == ["Image 0."]
    assert (">Older</a>" in page[-1], ">Newest</a>" in page[-1]) == (False, True)
    oldest = shown("action=review&order=oldest")
    assert [one[2] for one in (oldest[0], oldest[99])] == ["Image 0.", "Image 99."]
    (after,) = re.findall(r'href="operator/activity\?([^"]+cursor=[^"]+)"', page[-1])
    assert [one[2] for one in shown(html.unescape(after))] == ["Image 100."]
    assert ">Oldest</a>" in page[-1]
    assert [one[2] for one in shown("text=iMAGE+10")] == ["Image 100.", "Image 10."]
    assert not shown("text=I%25e")
    assert len(shown("action=deleted&order=up&cursor=x")) == 100
    for _ in range(3):
        history.audit.add("", "review", "Thrice.", guest="Dora (client) (guest)")
    assert [one[2] for one in shown("text=thrice")] == ["Thrice.\xa0×\xa03"]
    assert {one[0] for one in shown("text=client")} == {"Dora (client) (guest)"}
    whole = shown("account=guest%3ADora+%28client%29+%28guest%29")
    assert (whole[0][2], len(whole)) == ("Thrice.\xa0×\xa03", 100)
    for guest in ("Eve", "Dora (client) (guest)"):
        history.audit.add("", "review", "Between.", guest=guest)
        history.audit.add("", "review", "Thrice.", guest="Dora (client) (guest)")
    between = [one[2] for one in shown("action=review")[:4]]
    assert between == ["Thrice.", "Between.", "Thrice.\xa0×\xa04", "Between."]
    ((who, action, what),) = {one[:3] for one in shown("account=user%3Aanna&action=run")}
    assert (who, action) == ("anna", "Ran")
    assert what.partition("\xa0×")[0] == "Text to image"
    assert shown("action=administer")[0][:3] == (
        "anna",
        "Administration",
        "anna shared a notice: “Hi”",
    )
    today = datetime.now().date()
    for days in ("1", "7", "30", "x", "chosen", f"chosen&first={today}&last={today}"):
        assert shown(f"action=administer&days={days}")
    (turned,) = re.findall(r'aria-sort="descending"><a href="operator/activity\?([^"]+)', page[-1])
    assert {"action=administer", "order=oldest"} <= {*html.unescape(turned).split("&")}
    (table,) = re.findall(r'href="(api/v1/admin/audit.csv\?[^"]+)"', page[-1])
    answer = site.anna.get(f"{site.app.url}/{html.unescape(table)}", timeout=LONGEST_WAIT)
    head, *rows = csv.reader(io.StringIO(answer.text))
    assert {len(row) for row in rows} == {len(head)}
    assert {row[head.index("Action")] for row in rows} == {"Administration"}
    assert not shown(f"days=chosen&last={today - timedelta(days=1)}")
    assert not shown("action=administer&days=1&account=user%3Aben")
    assert "Nothing matches." in page[-1]
    assert events(site, account="user:ben", action="administer") == []


@pytest.mark.parametrize(
    ("action", "request_line", "words"),
    [
        ("share", "POST /api/v1/link?file={run}/0&file={run}/1", ("Shared", "2 results")),
        ("share", "DELETE /api/v1/link?file={run}/0", ("Stopped sharing", "1 result")),
        ("download", "GET /files/chosen.zip?run={run}&run={run}", ("Downloaded", "2 runs")),
        ("download", "GET /files/{run}/0/my lamp.png", ("Downloaded", "my lamp.png")),
        ("download", "GET /view?filename=a.png&type=output", ("Downloaded", "a.png")),
        ("download", "GET /api/v1/runs/{run}/files/0", ("Downloaded", "1 result")),
        ("download", "GET /api/v1/batches/{run}/results.csv", ("Downloaded", "results.csv")),
        ("publish", "PUT /api/v1/workflows/a/lamp/editor", ("Published", "a/lamp")),
        ("publish", "POST /api/v1/workflows/text-to-image/keep", ("Published", "Text to image")),
        ("publish", "POST /api/v1/workflows/a/lamp/editor/undo", ("Published", "a/lamp")),
        ("delete", "DELETE /api/v1/workflows/a/lamp", ("Deleted", "a/lamp")),
    ],
)
def test_the_activity_page_has_words_for_requests(
    site: Site, action: AuditAction, request_line: str, words: tuple[str, str]
) -> None:
    """The request itself is in the tooltip."""
    what = request_line.format(run="79d4f45f-8044-45d9-978a-9bb42f3c58b2")
    site.app.services.runs.history.audit.add("user:ben", action, what)
    page = site.anna.get(f"{site.app.url}/operator/activity", timeout=LONGEST_WAIT).text
    row = f'{words[0]}</td><td data-name="What"><span title="{html.escape(what)}">{words[1]}<'
    assert row in page.partition('<th scope="row"')[2].partition("</tr>")[0]


@pytest.mark.parametrize("path", ["audit", "audit.csv", "groups"])
def test_other_users_get_no_log(site: Site, path: str) -> None:
    """They get the same answer as for an unknown route."""
    address = f"{site.app.url}/api/v1/admin/{path}"
    assert site.ben.get(address, timeout=LONGEST_WAIT).status_code == 404
    assert requests.get(address, timeout=LONGEST_WAIT).status_code == 401


def test_administrators_see_use_by_group(site: Site, annas_run: str) -> None:
    """A person's row names the groups, and the page of use adds them up."""
    assert annas_run
    answer = site.anna.get(f"{site.app.url}/api/v1/admin/groups", timeout=LONGEST_WAIT).json()
    (group,) = answer["groups"]
    assert (group["name"], group["people"]) == ("all", 1)
    usage = site.anna.get(f"{site.app.url}/operator/usage", timeout=LONGEST_WAIT).text
    assert "Storage by group" in usage
    assert "A person in several groups counts in each of them." in usage
    assert "People free space by deleting results in their history." in usage
    activity = site.anna.get(f"{site.app.url}/operator/activity", timeout=LONGEST_WAIT).text
    assert 'href="api/v1/admin/audit.csv?' in activity


def test_administrators_download_use_by_person_and_month(site: Site) -> None:
    """Deleted runs count, but have no results, seconds or size any more."""

    def row() -> list[int]:
        table = site.anna.get(f"{site.app.url}/api/v1/admin/usage.csv", timeout=LONGEST_WAIT)
        head, *rows = csv.reader(io.StringIO(table.content.decode("utf-8-sig")))
        assert head[2:6] == ["Runs", "Failed runs", "Deleted runs", "Kept results"]
        (own,) = [one[2:] for one in rows if one[:2] == [f"{datetime.now():%Y-%m}", "anna"]]
        return [*map(int, own)]

    run = started(site, site.anna).json()["id"]
    runs, failed, deleted, results, _, size = row()
    assert size > 0
    site.anna.delete(f"{site.app.url}/api/v1/runs/{run}", timeout=LONGEST_WAIT)
    eventually(lambda: row()[:4] == [runs, failed, deleted + 1, results - 1], "the run is gone")


def test_a_groups_storage_limits_each_user(site: Site) -> None:
    """The app deletes the oldest results of a user beyond the limit, and keeps other users' results."""
    history = site.app.services.runs.history
    runs = [started(site, site.anna).json()["id"] for _ in range(2)]
    history.limit_owners(lambda owner: 1.0 if owner == "user:ben" else None)
    history.sweep()
    assert not history.of("user:ben")
    assert {*runs} <= {one.id for one in history.of("user:anna", limit=200)}
    eventually(lambda: not site.app.services.runs.waiting, "all runs end")


def test_the_activity_page_lists_sign_ins(site: Site) -> None:
    """A day's sign-ins of a person from one address share a row, also with other actions between,
    until their outcome changes. Failed ones have the name only if it is a person's."""
    audit = site.app.services.runs.history.audit
    for name in ("ben", "", "ben"):
        AuditLog(audit).failed_sign_ins(FailedSignIns(name, "10.0.0.5", 2))
        audit.add("user:ben", "review", "Between.")
    address = f"{site.app.url}/operator/activity"

    def rows(query: str) -> list[list[str]]:
        page = site.anna.get(f"{address}?{query}", timeout=LONGEST_WAIT).text
        found = re.findall(r"<tr>(<th scope=\"row\">.*?)</tr>", page, re.DOTALL)
        return [re.sub(r"<[^>]+>", "|", row).strip("|").split("|") for row in found]

    def told(row: list[str]) -> list[str]:
        return [one for one in row if one][:3]

    failed = [told(row) for row in rows("action=sign-in")]
    assert failed == [
        ["Unknown name", "Sign-in failed", "10.0.0.5\xa0×\xa02"],
        ["ben", "Sign-in failed", "10.0.0.5\xa0×\xa04"],
    ]
    assert failed[1] in [told(row) for row in rows("account=user%3Aben")]
    audit.add("user:ben", "signed-in", "10.0.0.6")
    AuditLog(audit).failed_sign_ins(FailedSignIns("ben", "10.0.0.5", 9))
    outcomes = [told(row)[1:] for row in rows("account=user%3Aben") if "Reviewed" not in row]
    assert outcomes[:3] == [
        ["Sign-in failed", "10.0.0.5\xa0×\xa09"],
        ["Signed in", "10.0.0.6"],
        ["Sign-in failed", "10.0.0.5\xa0×\xa04"],
    ]
    with signed_in(site.app, USERS[0]):
        eventually(
            lambda: (
                ["anna", "Signed in", "127.0.0.1\xa0×\xa02"]
                in [told(row) for row in rows("action=signed-in")]
            )
        )
