"""Batches over HTTP: estimate, progress, actions and owners."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.batches.open_batch import BatchSummary
from comfy.batches.spec import AxisSpec, BatchSpec, Seeds, TableSpec
from comfy.form.seeds import CountUp
from comfy.launch.uploads import FILE_GONE
from comfy.runs.interface import Origin
from tests.support.http_client import ANN, BOB, cookie_of, get, page_open, told
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, Served, running_app
from tests.support.waiting import LONGEST_WAIT, eventually

TEXT, STEPS, SEED, WIDTH = "2.text", "5.steps", "5.seed", "4.width"
SMALL = {TEXT: "a red boat", STEPS: 1, WIDTH: 256, "4.height": 256, SEED: None}
BROKEN = "demo-broken.safetensors"

CHECK = "/api/v1/workflows/text-to-image/batches/check"


def begin(
    app: RunningApp,
    *axes: AxisSpec,
    cookie: str = ANN,
    table: TableSpec | None = None,
    paired: bool = False,
    seeds: Seeds = "form",
    **values: object,
) -> BatchSummary:
    """Start a batch for the browser with this cookie."""
    spec, base = BatchSpec(axes, table, paired, seeds), {**SMALL, **values}
    return app.services.batches.start("text-to-image", base, spec, Origin(f"browser:{cookie}"))


def ask(
    app: RunningApp,
    method: str,
    path: str,
    cookie: str = ANN,
    json: object = None,
    language: str = "",
) -> requests.Response:
    return requests.request(
        method,
        app.url + (path if path.startswith("/api") else f"/api/v1/batches{path}"),
        cookies=cookie_of(cookie),
        headers={"Accept-Language": language},
        json=json,
        timeout=LONGEST_WAIT,
    )


def rows_of(app: RunningApp, batch: BatchSummary, query: str = "") -> list[dict[str, Any]]:
    """Return rows as the page asks for them, each with its page part."""
    rows = ask(app, "GET", f"/{batch.id}/rows{query or '?'}&with_page=true").json()["rows"]
    assert all(row["run"] is None for row in rows)
    return [row | row["page"] for row in rows]


def until(app: RunningApp, batch: BatchSummary, state: str) -> dict[str, Any]:
    got: dict[str, Any] = {}

    def there() -> bool:
        got.update(ask(app, "GET", f"/{batch.id}?with_page=true").json())
        got.update(got["page"])
        return got["state"] == state

    eventually(there, f"the batch is {state}")
    return got


def check(
    app: RunningApp,
    *axes: dict[str, Any],
    values: dict[str, str] | None = None,
    language: str = "",
    **spec: object,
) -> dict[str, Any]:
    given = {"axes": axes, **spec, "values": {TEXT: "a red boat", **(values or {})}}
    return dict(ask(app, "POST", CHECK, json=given, language=language).json())


def test_a_batch_is_estimated_before_its_start(app: RunningApp) -> None:
    """The check returns the number of rows, the columns and every problem with its field or row."""
    right = check(
        app,
        {"field": STEPS, "text": "1..10:3"},
        {"field": TEXT, "replace": "boat\nship\ncar"},
    )
    assert (right["rows"], right["problems"]) == (12, [])
    assert right["columns"] == [{"key": STEPS, "label": "Steps"}, {"key": TEXT, "label": "Prompt"}]
    assert right["table"] == []
    wrong = check(
        app,
        {"field": STEPS, "text": "0, 3, many"},
        {"field": TEXT, "replace": "train\nship"},
        {"field": "9.nothing", "text": "1"},
        {"field": STEPS, "text": "4"},
        table={"name": "values.csv", "text": "Seed,Width,Widht\n7,wide,1\n"},
    )
    assert (wrong["table"], wrong["problems"][0]["of_table"]) == ([SEED, WIDTH], True)
    found = [(one["field"], one["line"], one["message"]) for one in wrong["problems"]]
    assert found == [
        (None, None, "There is no field “Widht”. Did you mean “Width”?"),
        (TEXT, None, "This field's text doesn't contain “train”."),
        ("9.nothing", None, "There is no field “9.nothing”."),
        (STEPS, None, "Steps is given twice. Leave one of them out."),
        (WIDTH, 2, "Enter a whole number."),
        (STEPS, None, "“0”: Minimum 1."),
        (STEPS, None, "“many”: Enter a whole number."),
    ]
    models = "Model,Steps\n" + "demo-landscape.safetensors,0\n" * 55
    cells = check(app, table={"name": "values.csv", "text": models})
    assert (len(cells["problems"]), cells["more"]) == (100, 10)
    assert all("Did you mean" in one["message"] for one in cells["problems"][:20:2])
    pairs = check(
        app, {"field": STEPS, "text": "1,2"}, {"field": SEED, "text": "1,2,3"}, paired=True
    )
    assert [one["message"][:40] for one in pairs["problems"]] == [
        "To run row by row, all fields need the s"
    ]
    named = check(app, {"field": TEXT, "text": "a {red|green} boat __times__"})
    assert (named["rows"], named["problems"]) == (8, [])
    unnamed = check(app, {"field": TEXT, "text": "a boat __tims__"})
    assert "Did you mean “times”?" in unnamed["problems"][0]["message"]
    many = check(app, {"field": "5.cfg", "text": "1..9:0.05"}, {"field": SEED, "text": "1..150"})
    assert (many["rows"], len(many["problems"])) == (0, 1)
    assert check(app)["problems"][0]["message"].startswith("Choose a field")


def test_an_unusable_file_is_named(app: RunningApp) -> None:
    """The error uses the user's file name and gives the file's position in its field, even if the
    file is gone."""
    uploads = app.services.copies.uploads
    good, broken = (uploads.make(f"browser:{ANN}", name) for name in ("a.png", "b.png"))
    good.write_bytes(saved("PNG"))
    broken.write_bytes(b"no image")
    places = (uploads.place(good), uploads.place(broken), f"{'0' * 32}/c.png")
    files = [
        {"file": place, "name": f"photos/{name}.png"}
        for place, name in zip(places, ("good", "broken", "gone"), strict=True)
    ]
    given = {"axes": [{"field": "4.image", "files": files}]}
    path = CHECK.replace("text-to-image", "image-to-image")
    found = ask(app, "POST", path, json=given).json()["problems"]
    refused = "Choose an image file (PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF)."
    assert [(one["field"], one["place"], one["message"]) for one in found] == [
        ("4.image", 1, f"“photos/broken.png”: {refused}"),
        ("4.image", 2, f"“photos/gone.png”: {FILE_GONE}"),
    ]


def test_rows_are_run_and_listed(app: RunningApp) -> None:
    """The batch runs all combinations, and the first field changes slowest. Each row has its
    values, its run and a thumbnail, and the user can search by state and text. The app returns a
    row's values without its run."""
    batch = begin(
        app,
        AxisSpec(TEXT, replace="boat\nship"),
        AxisSpec(STEPS, text="1,2"),
        **{SEED: CountUp(40)},
    )
    with page_open(app) as page:
        going = told(page, lambda news: news["batches"])["batches"][-1]
        assert (going["id"], going["rows"], going["varied"]) == (batch.id, 4, ["Prompt", "Steps"])
        assert going["first_values"] == ["boat, ship", "1, 2"]
        last = told(page, lambda news: news["batches"][-1]["state"] == "done")["batches"][-1]
    with page_open(app) as page:  # one that comes back
        assert told(page, lambda _: True)["batches"][-1] == last
    assert (last["done"], last["failed"], last["why"]) == (4, 0, "")
    whole = until(app, batch, "done")
    german = ask(app, "GET", f"/{batch.id}?with_page=true", language="de").json()["page"]
    assert [column["label"] for column in german["columns"]] == ["Prompt", "Schritte"]
    assert whole["axes"] == [
        {"key": TEXT, "label": "Prompt", "values": ["boat", "ship"]},
        {"key": STEPS, "label": "Steps", "values": ["1", "2"]},
    ]
    assert (whole["paired"], whole["title"], whole["seconds_left"]) == (
        False,
        "Text to image",
        None,
    )
    rows = rows_of(app, batch)
    assert [(row["number"], row["cells"], row["state"], row["kind"]) for row in rows] == [
        (1, ["boat", "1"], "done", "image"),
        (2, ["boat", "2"], "done", "image"),
        (3, ["ship", "1"], "done", "image"),
        (4, ["ship", "2"], "done", "image"),
    ]
    few, many = (check(app, {"field": STEPS, "text": text}) for text in ("10,20", "30,60"))
    assert 0 < few["seconds"] < many["seconds"] < 3 * few["seconds"]
    large = check(app, {"field": WIDTH, "text": "256,1024"}, values={"4.height": "256"})
    small = check(app, {"field": WIDTH, "text": "256,256"}, values={"4.height": "256"})
    assert small["seconds"] < large["seconds"]
    assert large["bytes"] == pytest.approx(2.5 * small["bytes"])
    for row in rows:
        small = requests.get(app.url + row["thumb"], cookies=cookie_of(ANN), timeout=LONGEST_WAIT)
        assert small.headers["content-type"] == "image/webp"
        run = app.runs.record(row["run"], f"browser:{ANN}")
        assert run.group == batch.id
        assert run.job.values[SEED] == 41 + row["index"]
        assert run.job.values[TEXT] == f"a red {row['cells'][0]}"
    assert [row["index"] for row in rows_of(app, batch, "?search=SHIP")] == [2, 3]
    assert rows_of(app, batch, "?state=failed") == []
    page_of_one = ask(app, "GET", f"/{batch.id}/rows?skip=1&limit=1").json()
    assert (page_of_one["total"], page_of_one["rows"][0]["index"]) == (4, 1)
    third = ask(app, "GET", f"/{batch.id}/rows/2/values").json()
    assert third["workflow"] == "text-to-image"
    assert third["values"] == {**SMALL, TEXT: "a red ship", SEED: "+42"}
    none = ask(app, "GET", f"/{batch.id}/rows/4/values")
    assert (none.status_code, none.json()["detail"]) == (404, "This row doesn't exist.")


def test_values_missing_in_a_table_come_from_the_form(app: RunningApp) -> None:
    """Each row says which of its cells came from the form, and a search finds them. The row doesn't
    know a randomly drawn seed."""
    table = TableSpec("a.csv", "Prompt,Steps,Seed\na boat,1,3\n,2,\n")
    batch = begin(app, table=table)
    until(app, batch, "done")
    told = [(row["cells"], row["unset"]) for row in rows_of(app, batch)]
    assert told == [(["a boat", "1", "3"], []), (["a red boat", "2", ""], [0, 2])]
    assert [row["number"] for row in rows_of(app, batch, "?search=red")] == [2]


def test_a_table_names_fields_in_the_readers_language(app: RunningApp) -> None:
    """A table may also use the author's names. The user can import a table of results again, in the
    language in which the app exported it. An error suggests the likely field in that language, too.
    """
    batch = begin(app, AxisSpec(STEPS, text="1,2"))
    until(app, batch, "done")
    results = ask(app, "GET", f"/{batch.id}/results.csv", language="de").content.decode("utf-8-sig")
    assert "Schritte" in results
    typed = "Prompt;Schritte;Guidance-Stärke\nein Boot;3;7\n"
    for text, keys in ((results, {STEPS, SEED}), (typed, {TEXT, STEPS, "5.cfg"})):
        told = check(app, table={"name": "values.csv", "text": text}, language="de")
        assert (told["problems"], set(told["table"])) == ([], keys)
    english = check(app, table={"name": "values.csv", "text": "Steps\n3\n"}, language="de")
    assert english["table"] == [STEPS]
    (wrong,) = check(app, table={"name": "a.csv", "text": "Schrite\n3\n"}, language="de")[
        "problems"
    ]
    assert "„Schritte“" in wrong["message"]


def test_rows_are_found_by_their_result_texts(served: Served, tmp_path: Path) -> None:
    """The search covers the texts that the rows produced, but not the prompt that all rows
    share."""
    asked = {
        "1": {
            "class_type": "CLIPLoader",
            "inputs": {"clip_name": "demo-qwen3.5-words.safetensors"},
        },
        "2": {"class_type": "TextGenerate", "inputs": {"clip": ["1", 0], "prompt": "a boat"}},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
    }
    asked["1"]["inputs"]["type"] = "stable_diffusion"
    asked["2"]["inputs"] |= {"max_length": 1, "sampling_mode": "off"}
    (tmp_path / "words.json").write_text(json.dumps(asked))
    with running_app(served[0].url, workflows=tmp_path) as app:
        base = {"2.prompt": "Dark or bright?", "2.max_length": 1}
        lengths = BatchSpec((AxisSpec("2.max_length", text="1,200"),))
        batch = app.services.batches.start("words", base, lengths, Origin(f"browser:{ANN}"))
        until(app, batch, "done")
        assert [row["text"] for row in rows_of(app, batch)] == ["Dark", "Dark or bright?"]
        for search, found in (("DARK", [1, 2]), ("bright", [2]), ("boat", []), ("200", [2])):
            rows = rows_of(app, batch, f"?search={search}")
            assert [row["number"] for row in rows] == found, search
        assert rows_of(app, batch, "?search=bright&state=failed") == []


def test_a_batch_of_another_user_is_unknown(app: RunningApp) -> None:
    """Every request gets the same 404 as for an unknown batch."""
    batch = begin(app, AxisSpec(STEPS, text="1,2"))
    until(app, batch, "done")
    assert [one["id"] for one in ask(app, "GET", "", BOB).json()["batches"]] == []
    assert batch.id in [one["id"] for one in ask(app, "GET", "").json()["batches"]]
    for method, path in (
        ("GET", ""),
        ("GET", "/rows"),
        ("GET", "/rows/0/values"),
        ("POST", "/pause"),
        ("POST", "/retry"),
        ("DELETE", ""),
    ):
        of_hers = ask(app, method, f"/{batch.id}{path}", BOB)
        of_none = ask(app, method, f"/none{path}", BOB)
        assert (of_hers.status_code, of_hers.json()) == (404, of_none.json())
    assert ask(app, "DELETE", f"/api/v1/batches/{batch.id}?with_runs=true").status_code == 200
    assert ask(app, "GET", f"/{batch.id}").status_code == 404
    assert batch.id not in {one.id for one in app.services.batches.of(f"browser:{ANN}")}


def downloaded(app: RunningApp, batch: BatchSummary, name: str, cookie: str = ANN) -> bytes:
    """Return a file of a batch's results, or empty bytes if this user has none."""
    answer = get(app, f"/api/v1/batches/{batch.id}/{name}", cookie)
    return answer.content if answer.ok else b""


def table_in(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_running_rows_have_no_error(served: Served) -> None:
    """The user can download the table before the rows finish, and it shows no error for them."""
    demo, app = served
    with demo.hold("progress") as held:
        batch = begin(app, AxisSpec(STEPS, text="10,20,30"))
        assert held.reached.wait(LONGEST_WAIT)
        assert {row["state"] for row in rows_of(app, batch, "?state=running")} == {"running"}
        table = table_in(downloaded(app, batch, "results.csv"))
        assert [row["error"] for row in table] == ["", "", ""]
        assert {"waiting", "running"} & {row["state"] for row in table}
    until(app, batch, "done")


def test_results_come_as_an_archive_with_a_table(app: RunningApp) -> None:
    """A pattern names the files, and the archive has each file once. The table has values, drawn
    seeds, files and errors. Other users can't download either."""
    batch = begin(
        app,
        AxisSpec("1.ckpt_name", f"demo-landscapes.safetensors, {BROKEN}"),
        AxisSpec(TEXT, "=a boat\na sea"),
    )
    until(app, batch, "done")
    table = table_in(downloaded(app, batch, "results.csv"))
    assert [(row["row"], row["state"], row["Prompt"], row["Model"]) for row in table] == [
        ("1", "done", "'=a boat", "demo-landscapes.safetensors"),
        ("2", "done", "a sea", "demo-landscapes.safetensors"),
        ("3", "failed", "'=a boat", BROKEN),
        ("4", "failed", "a sea", BROKEN),
    ]
    assert all(row["error"] for row in table[2:])
    seeds = [row["Seed"] for row in table]
    assert len({*seeds}) == 4
    failed = rows_of(app, batch, "?state=failed")
    assert [row["cells"][0] for row in failed] == ["demo-broken"] * 2  # as the form calls it
    assert rows_of(app, batch, "?search=Broken.Safe") == failed
    assert [(row["index"], row["thumb"], bool(row["error"])) for row in failed] == [
        (2, None, True),
        (3, None, True),
    ]
    assert all("Choose another" in row["hint"] and row["detail"] for row in failed)
    with zipfile.ZipFile(io.BytesIO(downloaded(app, batch, "results.zip"))) as archive:
        names = [f"{at}-Text-to-image-{seeds[at - 1]}.png" for at in (1, 2)]
        assert archive.namelist() == [*names, "results.csv"]
        assert archive.testzip() is None
        inside = table_in(archive.read("results.csv"))
        assert [row["files"] for row in inside] == [*names, "", ""]
    pattern = "results.zip?pattern=../{workflow}/x"
    with zipfile.ZipFile(io.BytesIO(downloaded(app, batch, pattern))) as archive:
        same = "Text-to-image-x"
        assert archive.namelist() == [f"{same}.png", f"{same}-2.png", "results.csv"]
    pattern = f"results.zip?pattern={{row}} {{ Prompt }}, {{{TEXT}}} {{1.ckpt_name}}"
    with zipfile.ZipFile(io.BytesIO(downloaded(app, batch, pattern))) as archive:
        model = "demo-landscapes.safetensors.png"
        one, two = f"1 =a-boat, =a-boat {model}", f"2 a-sea, a-sea {model}"
        assert archive.namelist() == [one, two, "results.csv"]
    refused = ask(app, "GET", f"/{batch.id}/results.zip?pattern={{prompt}}-{{steps}}")
    assert refused.status_code == 422
    assert "File names can't contain {steps}. Use any of these: {row}, {workflow}" in refused.text
    assert "{Prompt}" in refused.text
    assert downloaded(app, batch, "results.zip", BOB) == b""
    assert ask(app, "POST", f"/api/v1/batches/{batch.id}/retry").json()["failed"] == 0
    assert until(app, batch, "done")["failed"] == 2
