r"""Private parts of Gradio that the app uses, so that an upgrade shows what changed.

The parts that browsers see are in tests/browser/nightly/test_gradio_page.py.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
from pathlib import Path

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio import component_meta, queueing
from gradio.component_meta import ComponentMeta
from gradio.components import Component
from gradio.data_classes import CancelBody, FileData, PredictBody, ResetBody
from gradio.queueing import Queue
from gradio.routes import App
from starlette.requests import Request

from comfy.base.errors import ComfyError
from tests.attacks.routes import registered
from tests.support.waiting import awaited
from ui.files import components
from ui.files.components import shown_file
from ui.gradio import internals as gradio_internals
from ui.gradio.internals import (
    ANSWERS,
    API_PREFIX,
    CALL,
    CONFIG,
    ENDINGS,
    FILE,
    FILES_OF_PAGE,
    FIRST_NUMBER,
    INFO,
    JOIN,
    LOGIN,
    PAGE,
    PRESS,
    SERVER_HEADER,
    STREAM,
    UPLOAD,
    UPLOAD_DONE,
    UPLOAD_PROGRESS,
    UPLOADED,
    NamedEndpoint,
    Page,
    Sessions,
    allow,
    api,
    call_by_number,
    call_in,
    config_of,
    connection,
    has_endpoint,
    info_of,
    is_named_number,
    missing_parts,
    model_viewer,
    session_and_call,
    stand_before,
    without_apps,
)

ROOT = Path(__file__).parents[3]
UI = ROOT / "ui"
MEND = "Mend ui/gradio/internals.py."
# Gradio's documented modules, and modules that are only named as a type.
PROMISED = {"gradio", "gradio.blocks", "gradio.components", "gradio.themes.utils"}
# Where Gradio's private names may stand: one file for each language. What ui/gradio/import_hook.py names
# of Gradio's own modules, which it changes before they are there, has a test of its own below.
KNOWING = {"gradio/internals.py", "page/script/gradio.js", "page/styles/gradio.css"}
# Gradio's private names: routes, headers and fields of its calls; attributes of its app; names in
# its page.
PRIVATE = re.compile(
    r"""/gradio_api | run/predict | queue/(?:join|data) | upload_progress | /file= | /login_check
    | \b(?:API_PREFIX|session_hash|fn_index|event_id|event_data|trigger_id)\b
    | x-gradio | access-token | theme\.css | "/config" | /svelte | "/assets
    | \b(?:cookie_id|state_holder|blocks_config|get_blocks|_queue|process_api|preprocess_data)\b
    | \b(?:data_model\b|is_file_obj) | \.tokens\b | request\.request\b
    | gradio_config | gradio-container | label-wrap | wrap-inner | block-label | info-text | svelte-
    | ["'.]dark\b | --(?:neutral|color|block|size|spacing)- | role=combobox
    | (?:^|["'\s>,(])\.(?:block|wrap|form|prose|main)(?![\w(-]) | ^footer\b
    """,
    re.VERBOSE,
)


def mounted(**options: object) -> tuple[FastAPI, App]:
    """Mount Gradio's app with one endpoint inside another app."""
    app = FastAPI()
    with Page(analytics_enabled=False) as page:
        gr.Textbox()
        api(lambda: "here", api_name="here")
    allow(page, threads=7, sessions=5, calls=3)
    gr.mount_gradio_app(app, page, path="/", ssr_mode=False, pwa=False, **options)  # type: ignore[arg-type]
    return app, stand_before(app, lambda gradio: gradio)


def test_one_file_knows_the_private_names() -> None:
    """Every other file of ui imports only what Gradio documents."""
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {node.module}"
        for file in sorted(UI.rglob("*.py"))
        if file != Path(gradio_internals.__file__)
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        if str(node.module).startswith("gradio") and node.module not in PROMISED
    ]
    assert not found, f"These import what is private: {found}. Move that to ui/gradio/internals.py"


SOURCES = [
    ROOT / "app.py",
    *(file for kind in ("py", "js", "css") for file in sorted(UI.rglob(f"*.{kind}"))),
]


def test_no_other_file_uses_private_names() -> None:
    """Each language has one file with Gradio's routes, call fields and page names."""
    found = [
        f"{file.relative_to(ROOT)}:{number}: {named[0]}"
        for file in SOURCES
        if not any(file == UI / name for name in KNOWING)
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if (named := PRIVATE.search(line))
    ]
    assert not found, f"These name what is Gradio's own: {found}. Move that to one of {KNOWING}."


@pytest.mark.parametrize("name", sorted(KNOWING))
def test_private_names_are_recognized(name: str) -> None:
    """The list of private names finds those in the files that may have them."""
    assert len(PRIVATE.findall((UI / name).read_text("utf-8"))) >= 3


def test_every_route_is_there() -> None:
    """Every route that the allowlist passes, or that the app answers in Gradio's place, exists in
    Gradio."""
    _, gradio = mounted()
    there = {route.path for route in registered(gradio.routes)}
    whole = PAGE | ANSWERS | ENDINGS | {LOGIN, JOIN, STREAM, UPLOAD, UPLOAD_PROGRESS}
    below = [*FILES_OF_PAGE, CALL, FILE, PRESS.removesuffix("predict")]
    gone = [
        *(name for name in sorted(whole) if name not in there),
        *(name for name in below if not any(path.startswith(f"{name}{{") for path in there)),
    ]
    assert not gone, f"Gradio has no routes {gone} any more. {MEND}"


def test_one_endpoint_is_listed_as_many() -> None:
    """The app lists its endpoints in Gradio's format, so that clients read them like Gradio's own.
    Clients call them by the app's own numbers."""
    app, gradio = mounted()
    with TestClient(app) as client:
        own = client.get(CONFIG).json()
        told = client.get(INFO).json()["named_endpoints"]["/here"]
    one, other = FIRST_NUMBER + 1, FIRST_NUMBER + 2
    two = [NamedEndpoint(one, "one", told), NamedEndpoint(other, "other", told)]
    config = config_of(gradio, "here", two, "http://a.example/b")
    (like,) = own["dependencies"]
    assert config["dependencies"] == [
        like,
        like | {"id": one, "api_name": "one"},
        like | {"id": other, "api_name": "other"},
    ], MEND
    assert config["root"] == "http://a.example/b"
    assert {name for name in own if config.get(name) != own[name]} >= {"root", "dependencies"}
    info = info_of(gradio, two, "http://a.example/b")
    snippets = {name: one["code_snippets"] for name, one in info["named_endpoints"].items()}
    assert "http://a.example/b/gradio_api/call/" in snippets["/one"]["bash"], MEND
    assert {*snippets["/here"]} == {*told["code_snippets"]} - {"cli"}, MEND
    assert [*info["named_endpoints"]] == ["/one", "/other", "/here"], MEND
    assert info["unnamed_endpoints"] == {}
    assert has_endpoint(gradio, "here")
    assert not has_endpoint(gradio, "one")
    assert [is_named_number(number) for number in (one, like["id"], None)] == [True, False, False]
    call = call_by_number(gradio, "here", {"fn_index": other, "data": [1], "session_hash": "s"})
    PredictBody(**call)
    assert (call["data"], session_and_call(call)) == ([other, [1]], ("s", None, like["id"]))


def test_call_fields_have_the_names_that_the_gate_reads() -> None:
    """A call names a session, another call and an event listener."""
    call = PredictBody(data=[], session_hash="page", event_id="call", fn_index=7).model_dump()
    assert session_and_call(call) == ("page", "call", 7), f"A call's fields are others. {MEND}"
    for body in (CancelBody, ResetBody):
        assert "event_id" in body.model_fields, f"{body.__name__} names no call any more. {MEND}"
    assert {"path", "url", "orig_name", "size"} <= FileData.model_fields.keys(), (
        "gr.FileData has other fields: mend ui/files/components.py and ui/gradio/allowlist.py"
    )
    assert FileData(**shown_file("", "ab/x.png", 3)).path == "ab/x.png"


def test_answers_look_as_the_gate_reads_them() -> None:
    """Gradio answers a queued call with the call's name and a button press with its data. A stream
    requires a session."""
    app, gradio = mounted()
    browser = TestClient(app)
    called = browser.post(f"{CALL}here", json={"data": []})
    assert list(called.json()) == ["event_id"], f"A call that waits is answered by more. {MEND}"
    assert call_in(called.content) in gradio.get_blocks()._queue.event_ids_to_events, MEND
    number = next(iter(gradio.get_blocks().fns))
    joining = {"data": [], "fn_index": number, "session_hash": "page"}
    joined = call_in(browser.post(JOIN, json=joining).content)
    assert joined in gradio.get_blocks()._queue.event_ids_to_events, MEND
    asked = browser.get(STREAM)
    assert asked.status_code == 422, MEND
    assert "session_hash" in asked.text, f"{STREAM} no longer asks for a session. {MEND}"
    assert "fn_index" not in browser.post(PRESS, json=joining).text


def test_uploads_are_sent_and_answered_as_the_app_does_it() -> None:
    """Gradio accepts files under a single field name and answers with a list of their paths."""
    app, _ = mounted()
    told = TestClient(app).post(UPLOAD, files={UPLOADED: ("a.txt", b"a")}).json()
    assert [Path(place).name for place in told] == ["a.txt"], (
        f"Gradio's {UPLOAD} answers something else: mend ui/files/uploads.py"
    )
    Path(told[0]).unlink()
    source = inspect.getsource(inspect.getmodule(App))  # type: ignore[arg-type]
    done = UPLOAD_DONE.removeprefix("data: ").strip()
    assert done in source, f"{UPLOAD_PROGRESS} ends with another word. {MEND}"


def test_gradio_makes_addresses_of_one_header_of_its_own() -> None:
    """`ProxyMiddleware` removes this header."""
    named = [(SERVER_HEADER, b"http://elsewhere.example")]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": named}
    request = Request({**scope, "server": ("here", 80), "scheme": "http", "root_path": ""})
    assert "elsewhere" in gradio_internals.get_root_url(request, "/", None), (
        f"Gradio no longer reads {SERVER_HEADER!r}: look which header it reads now. {MEND}"
    )
    assert connection(gr.Request(request=request)) is request, (
        f"gr.Request no longer has the request it was made of. {MEND}"
    )


@pytest.mark.parametrize("name", ["Image", "Audio", "Video", "File"])
def test_own_components_for_files_pass_as_gradios(name: str) -> None:
    """The page finds the code that draws a component by the class name. Without a data model,
    Gradio passes the values unchanged."""
    made = getattr(components, name)()
    assert isinstance(made, Component)
    assert made.get_block_name() == name.lower() == getattr(gr, name)().get_block_name(), (
        f"Gradio draws {name} by another name than its class's: mend ui/files/components.py"
    )
    assert made.data_model is None
    source = inspect.getsource(Component)
    assert "data_model" in source, f"Gradio's components have no `data_model` any more. {MEND}"


def test_a_components_class_is_made_as_gradio_makes_it() -> None:
    """`WithoutStub` does what Gradio does for each class, except write the stub."""
    done = {"updateable", "create_or_modify_pyi"}
    calls = set(ComponentMeta.__new__.__code__.co_names)
    known = done | {"ComponentDefinitionError", "EventListener", "super", "__new__", "copy"}
    words = {"hasattr", "get", "all", "str", "isinstance", "append", "set_doc", "listener"}
    assert done <= calls, f"ComponentMeta no longer does {done - calls}. {MEND}"
    assert calls <= known | words, f"ComponentMeta also does {calls - known - words}. {MEND}"


def test_files_in_calls_are_recognized_by_their_shape() -> None:
    """`Page` removes the metadata by which Gradio recognizes a file."""
    file = json.loads(FileData(path="ab/x.png").model_dump_json())
    plain = gradio_internals.traverse(
        [{"deep": file}], lambda one: one["path"], gradio_internals.is_file_obj_with_meta
    )
    assert plain == [{"deep": "ab/x.png"}], f"Gradio knows files by something else. {MEND}"


def test_gradios_app_can_be_wrapped_by_another_app() -> None:
    """`GradioAllowlist` runs before Gradio's own routes."""
    _, gradio = mounted()
    assert isinstance(gradio, App), (
        "gr.mount_gradio_app no longer mounts an app that can be replaced"
    )
    assert API_PREFIX == "/gradio_api", (
        "Gradio's routes are below another path: ui/page/script/gradio.js names it"
    )


def test_gradio_makes_the_app_that_is_mounted_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Blocks and their queue create no app, which would take half of the start-up time. The queue
    uses the mounted app."""
    made: list[App] = []
    configure = App.configure_app
    monkeypatch.setattr(
        App, "configure_app", lambda app, blocks: (made.append(app), configure(app, blocks))
    )
    with without_apps():
        page = Page()
        with page:
            gr.Textbox()
        allow(page, threads=7, sessions=5, calls=3)
    assert made == [], f"Blocks make an app in another way than App.create_app. {MEND}"
    app = gr.mount_gradio_app(FastAPI(), page, path="/")
    gradio = stand_before(app, lambda gradio: gradio)
    assert made == [gradio], f"Gradio makes more than one app. {MEND}"
    assert page.app is gradio


def test_limits_are_where_gradio_looks_for_them() -> None:
    """The limits apply to concurrent handlers, kept forms and waiting calls."""
    _, gradio = mounted()
    page = gradio.get_blocks()
    assert page.max_threads == 7, "Blocks.max_threads no longer says how many handlers run at once"
    assert page.state_session_capacity == 5, (
        "Blocks.state_session_capacity is gone: forms are kept without a bound"
    )
    assert page._queue.max_size == 3, (
        "Blocks.queue(max_size=…) no longer bounds the calls that wait"
    )
    assert "max_threads" in inspect.getsource(Queue) or "max_thread_count" in inspect.getsource(
        Queue
    ), "Gradio's queue no longer asks how many threads it may use"


def test_an_idle_queue_rarely_polls_for_calls() -> None:
    """The queue's loop sleeps for as long as `allow` says between two checks. Gradio's default uses
    5% of a core."""
    _, gradio = mounted()
    queue = gradio.get_blocks()._queue
    slept: list[float] = []

    async def look() -> None:
        own, before = asyncio.current_task(), asyncio.sleep

        async def sleep(seconds: float) -> None:
            if asyncio.current_task() is not own:  # another app of this process
                await before(seconds)
                return
            slept.append(seconds)
            queue.stopped = True

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(queueing.asyncio, "sleep", sleep)
            await queue.start_processing()

    awaited(look())
    assert slept == [0.01], f"Gradio's queue looks for calls in another way. {MEND}"


def test_sessions_can_be_looked_up_and_forgotten() -> None:
    """The app can look up and delete the data that Gradio keeps about pages and their calls."""
    _, gradio = mounted()
    sessions = Sessions(gradio)
    gradio.state_holder["page"]
    assert "page" in gradio.state_holder.session_data, (
        "StateHolder.session_data no longer holds a page's form"
    )
    sessions.forget("page")
    assert "page" not in gradio.state_holder.session_data
    assert not sessions.has_listener("page", 99)


def test_a_components_class_is_made_without_a_file() -> None:
    """Gradio writes a stub next to the source file of every component class, even where writing
    isn't allowed."""
    assert not list(UI.rglob("*.pyi")), (
        "Gradio has written stubs: `WithoutStub` no longer keeps it from that"
    )


def test_another_gradio_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app names the parts that this version lacks or has changed, instead of failing later."""
    monkeypatch.setattr(gradio_internals, "missing_parts", missing_parts)  # not once per process
    _, gradio = mounted()
    assert [*missing_parts(gradio)] == [], MEND
    monkeypatch.delattr(gr.Blocks, "preprocess_data")
    monkeypatch.delattr(gradio.get_blocks()._queue, "max_size")
    monkeypatch.delattr(gradio.state_holder, "session_data")
    monkeypatch.setattr(gradio.router, "routes", [])
    lacks = [*missing_parts(gradio)]
    assert f"POST {JOIN}" in lacks
    assert {"Blocks.preprocess_data", "Queue.max_size", "StateHolder.session_data"} < {*lacks}
    with pytest.raises(ComfyError, match=r"changed parts.*Blocks\.preprocess_data") as refusal:
        mounted()
    assert "docs/constraints.txt" in refusal.value.hint


def test_components_preprocess_one_value() -> None:
    """`without_preprocess` replaces a component's method."""
    assert list(inspect.signature(gr.Slider.preprocess).parameters) == ["self", "payload"]


def test_the_viewer_of_models_is_a_module() -> None:
    """Gradio's component for 3D models loads a module that exports Babylon's function by name."""
    script = Path(gr.__file__).with_name("templates") / "frontend" / model_viewer().lstrip("/")
    exported = script.read_text(encoding="utf-8").rpartition("export{")[2]
    assert " as CreateViewerForCanvas" in exported, (
        "Gradio's component for 3D models has another viewer. Mend model_viewer in"
        " ui/gradio/internals.py and ui/page/script/stage/model.js."
    )


def test_gradio_is_imported_without_writing_files() -> None:
    """Gradio still has the function that writes a `.pyi` file per component, and calls it by its
    name. The app's import hook replaces it if the app's code is imported first, as in these tests.
    """
    source = inspect.getsource(component_meta)
    moved = "Gradio writes its files elsewhere. Mend ui/gradio/import_hook.py."
    assert "\ndef create_or_modify_pyi(" in source, moved
    assert "    create_or_modify_pyi(" in source, moved
    assert component_meta.create_or_modify_pyi.__module__ == "ui.gradio.import_hook"
