"""OpenAI's image API, called by the package `openai`."""

from __future__ import annotations

import base64
import contextlib
import io
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import openai
import pytest
import requests
from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI
from PIL import Image

from comfy.comfyui.protocol.run_state import Phase
from comfy.records.record import Record
from comfy.runs.interface import Run
from comfy.runs.limits import RunLimits
from comfyforms.plugins.openai_images.fields import _fitted
from comfyforms.plugins.openai_images.tests.conftest import Clients, client_of, mask, png
from tests.security.signing_in import token_of
from tests.support.http_client import ANN, BOB, cookie_of
from tests.support.samples.forms import form_of, text_to_image
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, awaited, eventually
from ui.settings.web_settings import WebSettings

ANNA, BERT = ("anna", "lighthouse"), ("bert", "lighthouse")
QUICK: Mapping[str, Any] = {"prompt": "a lighthouse", "extra_body": {"steps": 1}}
LONG: Mapping[str, Any] = {"prompt": "a lighthouse", "extra_body": {"steps": 60}}


def opened(text: str | None) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text or "")))


def newest(app: RunningApp, owner: str = f"browser:{ANN}") -> Record:
    return app.runs.owned(owner)[-1].record


def input_of(app: RunningApp, key: str) -> Image.Image:
    """Return the image that the newest run has for a field."""
    path = app.services.copies.blobs.path(newest(app).job.inputs[key].digest)
    assert path is not None
    return Image.open(path)


def test_workflows_that_make_images_are_models(clients: Clients) -> None:
    """Workflows without images and chains aren't listed. The name in the app's own API works,
    too."""
    client = clients()
    names = [one.id for one in client.models.list()]
    assert names[0] == "text_to_image"
    assert {"inpaint", "blend"} <= set(names)
    assert not {"text_to_sound", "create_upscale_detail_chain"} & set(names)
    assert client.models.retrieve("image-to-image").id == "image_to_image"
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("nope")
    assert (refused.value.param, refused.value.code) == ("model", "model_not_found")


def test_makes_images_from_a_prompt(app: RunningApp, clients: Clients) -> None:
    """Parameters of OpenAI set the fields of their parts, and others the fields of their names or
    keys. Several images are several runs, whose given seed counts up."""
    made = clients().images.generate(
        model="text_to_image",
        prompt="a lighthouse",
        n=2,
        size="320x256",
        quality="high",
        user="someone",
        background="auto",
        extra_body={"seed": 7, "negative_prompt": "rain", "steps": 1, "5.cfg": 3},
    )
    assert [opened(one.b64_json).size for one in made.data or ()] == [(320, 256)] * 2
    assert (made.size, made.output_format) == ("320x256", "png")
    assert made.usage is not None
    values = [one.job.values for one in app.runs.owned(f"browser:{ANN}")[-2:]]
    assert [one["5.seed"] for one in values] == [7, 8]
    sent = {"2.text": "a lighthouse", "3.text": "rain", "5.steps": 1, "5.cfg": 3}
    assert all(sent.items() <= one.items() for one in values)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_converts_images(clients: Clients, kind: Any) -> None:
    made = clients().images.generate(output_format=kind, output_compression=50, **QUICK)
    (image,) = made.data or ()
    assert opened(image.b64_json).format == kind.upper()
    assert made.output_format == kind


def test_answers_with_an_address(app: RunningApp, clients: Clients) -> None:
    """The address is the run's own: another user finds nothing there."""
    made = clients().images.generate(response_format="url", **QUICK)
    (image,) = made.data or ()
    assert image.url is not None
    own, foreign = (
        requests.get(image.url, cookies=cookie_of(who), timeout=LONGEST_WAIT) for who in (ANN, BOB)
    )
    assert (own.headers["content-type"], foreign.status_code) == ("image/png", 404)


def test_large_images_need_an_address(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comfyforms.plugins.openai_images.results._MOST_BYTES", 100)
    with pytest.raises(BadRequestError) as refused:
        clients().images.generate(**QUICK)
    assert refused.value.param == "response_format"
    with pytest.raises(openai.APIError, match="response_format"):
        [*clients().images.generate(stream=True, **QUICK)]
    assert clients().images.generate(response_format="url", **QUICK).data


def test_streams_previews_and_the_image(clients: Clients) -> None:
    """Previews come as partial images, in the requested format."""
    events = [
        *clients().images.generate(
            prompt="a lighthouse", stream=True, partial_images=2, output_format="webp"
        )
    ]
    assert [one.type for one in events] == [
        *["image_generation.partial_image"] * 2,
        "image_generation.completed",
    ]
    assert [getattr(one, "partial_image_index", None) for one in events] == [0, 1, None]
    assert {opened(one.b64_json).format for one in events} == {"WEBP"}
    assert (events[-1].size, events[-1].output_format) == ("512x512", "webp")


def test_works_from_asyncio(app: RunningApp) -> None:
    """An edit streams its own types of events."""

    async def made() -> list[str]:
        async with AsyncOpenAI(base_url=f"{app.url}/v1", api_key="any", max_retries=0) as client:
            answer = await client.images.generate(**QUICK)
            assert opened((answer.data or ())[0].b64_json).format == "PNG"
            stream = await client.images.edit(
                image=png(), prompt="a boat", stream=True, partial_images=1
            )
            return [one.type async for one in stream]

    assert awaited(made()) == ["image_edit.partial_image", "image_edit.completed"]


def test_a_mask_is_painted_over_its_image(app: RunningApp, clients: Clients) -> None:
    """Without a model, the first workflow with a mask edits the image. Where the mask is
    transparent, the run's image is, as ComfyUI's LoadImage needs it."""
    clients().images.edit(image=png("blue"), mask=mask(), prompt="a boat")
    assert newest(app).job.workflow == "inpaint"
    painted = input_of(app, "4.image")
    assert [painted.getpixel((x, 9))[2:] for x in (9, 50)] == [(255, 0), (255, 255)]


def test_several_images_go_into_their_fields(app: RunningApp, clients: Clients) -> None:
    """Images fill the form's fields in order. A mask loader gets the edited area as white and as
    transparent."""
    images = [png("blue"), png("lime")]
    clients().images.edit(model="blend", image=images, mask=mask(), prompt="a boat")
    first, second, area = (input_of(app, f"{node}.image") for node in (4, 10, 11))
    assert (first.getpixel((9, 9)), second.getpixel((9, 9))) == ((0, 0, 255), (0, 255, 0))
    assert [area.getpixel((x, 9)) for x in (9, 50)] == [(255, 255, 255, 0), (0, 0, 0, 255)]


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"model": "nope"}, "model"),
        ({"model": "text_to_sound"}, "model"),
        ({"model": "steps_frames_to_animation"}, "prompt"),
        ({"model": "inpaint", "size": "512x512"}, "size"),
        ({"size": "large"}, "size"),
        ({"quality": "poor"}, "quality"),
        ({"style": "natural"}, "style"),
        ({"n": 11}, "n"),
        ({"prompt": ""}, "prompt"),
        ({"output_format": "gif"}, "output_format"),
        ({"response_format": "url", "output_format": "webp"}, "output_format"),
        ({"extra_body": {"seed": "many"}}, "seed"),
        ({"extra_body": {"steps": 0}}, "steps"),
        ({"extra_body": {"5.steps": 0}}, "5.steps"),
        ({"extra_body": {"nope": 1}}, "nope"),
    ],
)
def test_names_the_parameter_of_an_error(
    clients: Clients, sent: dict[str, Any], param: str
) -> None:
    with pytest.raises(BadRequestError) as refused:
        clients().images.generate(**{"prompt": "a lighthouse", **sent})
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"
    assert str(refused.value.body["message"]).endswith(".")  # type: ignore[index]


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"image": ("a.png", b"no image")}, "image"),
        ({"image": [png(), png()], "model": "inpaint"}, "image"),
        ({"image": [png()] * 3}, "image"),
        ({"image": png(), "mask": png()}, "mask"),
        ({"image": png(), "mask": mask(), "model": "image_to_image"}, "mask"),
        ({"image": png(), "n": 0}, "n"),
    ],
)
def test_names_the_parameter_of_an_edit_s_error(
    clients: Clients, sent: dict[str, Any], param: str
) -> None:
    with pytest.raises(BadRequestError) as refused:
        clients().images.edit(**{"prompt": "a boat", **sent})
    assert refused.value.param == param


def test_says_how_many_images_no_workflow_takes(clients: Clients) -> None:
    """The built-in workflows take one image, unless the model names another."""
    with pytest.raises(BadRequestError, match="No workflow takes just 3 images") as refused:
        clients().images.edit(prompt="a boat", image=[png()] * 3)
    assert "GET /v1/models lists" in str(refused.value)


def test_other_calls_of_the_api_are_refused_in_its_format(clients: Clients) -> None:
    with pytest.raises(NotFoundError, match="This app has no “/v1/chat/completions”") as refused:
        clients().chat.completions.create(model="gpt-5", messages=[])
    assert refused.value.code == "unknown_url"


def test_refuses_images_that_are_addresses(clients: Clients) -> None:
    """The message says how to send them."""
    address = {"image_url": "https://example.org/a.png"}
    body = {"model": "image_to_image", "prompt": "a boat", "images": [address]}
    with pytest.raises(BadRequestError, match="not URLs or file IDs") as refused:
        clients().post("/images/edits", cast_to=object, body=body)
    assert refused.value.param == "images"


def test_a_failed_run_is_an_error(app: RunningApp, clients: Clients) -> None:
    """A stopped run answers with its reason, also in a stream, and isn't repeated."""

    def stop() -> None:
        eventually(lambda: app.runs.line_of(f"browser:{ANN}"))
        app.runs.line_of(f"browser:{ANN}")[0].cancel()

    for options in ({}, {"stream": True}):
        stopping = threading.Thread(target=stop)
        stopping.start()
        client = clients().with_options(max_retries=2)
        before = len(app.runs.owned(f"browser:{ANN}"))
        with pytest.raises(openai.APIError) as failed:
            for _ in client.images.generate(**LONG, **options):
                pass
        stopping.join()
        assert failed.value.code == "run_failed"
        assert len(app.runs.owned(f"browser:{ANN}")) == before + 1


def test_a_lost_result_ends_a_stream_with_an_error(app: RunningApp, clients: Clients) -> None:
    """The result is deleted right after the run's end, before the app has sent it. A busy
    machine may delete it too late, so the test tries several times."""
    blobs = app.services.copies.blobs

    def lose(owner: str) -> None:
        for run in app.runs.owned(owner):
            for file in run.state.files if run.state.phase.finished else ():
                if path := blobs.path(file.digest):
                    path.unlink()

    def generate_until_lost() -> None:
        for _ in range(20):
            [*clients().images.generate(stream=True, **QUICK)]

    leave = app.runs.subscribe(lose)
    try:
        with pytest.raises(openai.APIError) as failed:
            generate_until_lost()
    finally:
        leave()
    assert failed.value.code == "run_failed"


@pytest.mark.parametrize("path", ["generations", "generations in a stream", "edits"])
def test_a_client_that_leaves_stops_its_runs(app: RunningApp, path: str) -> None:
    """A client that disconnects stops its runs, also those that wait."""
    url, _, stream = path.partition(" ")
    body = {"prompt": "a boat", "n": "2", "steps": "60", "stream": "true" if stream else "false"}
    how: dict[str, Any] = {"files": {"image": png()}, "data": body}
    if url == "generations":
        how = {"json": body}
    request = requests.Request("POST", f"{app.url}/v1/images/{url}", **how).prepare()
    host = app.url.removeprefix("http://")
    lines = [f"{name}: {value}" for name, value in (*request.headers.items(), ("host", host))]
    head = "\r\n".join([f"POST {request.path_url} HTTP/1.1", *lines, "", ""])
    before = {one.id for one in app.runs.known()}

    def runs() -> list[Run]:
        return [one for one in app.runs.known() if one.id not in before]

    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port))) as client:
        assert isinstance(request.body, bytes)
        client.sendall(head.encode() + request.body)
        eventually(lambda: len(runs()) == 2)
    eventually(lambda: {one.state.phase for one in runs()} == {Phase.STOPPED})


@contextlib.contextmanager
def client_with(app: RunningApp, key: str) -> Iterator[OpenAI]:
    with contextlib.closing(client_of(app, key)) as client:
        yield client


def test_users_never_see_results_of_others() -> None:
    """A token lets its user in. Another user finds neither the result nor its input, and a client
    without a token gets OpenAI's error."""
    settings = WebSettings(port=0, users=(ANNA, BERT))
    with running_demo_app(step_seconds=0, settings=settings) as (_, app):
        tokens = token_of(app, ANNA), token_of(app, BERT)
        with client_with(app, tokens[0]) as anna, client_with(app, tokens[1]) as bert:
            anna.images.edit(image=png(), prompt="a boat")
            made = anna.images.generate(response_format="url", **QUICK)
            statuses = [
                requests.get(
                    str((made.data or ())[0].url),
                    headers={"authorization": f"Bearer {token}"},
                    timeout=LONGEST_WAIT,
                ).status_code
                for token in (*tokens, "")
            ]
            assert statuses == [200, 404, 401]
            run = newest(app, "user:anna").id
            value = {"your_image": {"run": run, "file": 0}, "steps": 1}
            with pytest.raises(BadRequestError) as refused:
                bert.images.generate(model="image_to_image", prompt="a boat", extra_body=value)
            assert refused.value.param == "your_image"
            assert not app.runs.owned("user:bert")
        with client_with(app, "wrong") as stranger:
            for ask in (stranger.models.list, lambda: stranger.images.generate(**QUICK)):
                with pytest.raises(openai.AuthenticationError) as shut:
                    ask()
                assert shut.value.code == "invalid_api_key"


def test_all_images_start_or_none() -> None:
    """Without room for all runs of a request, the others stop, and the client gets 429."""
    with (
        running_demo_app(step_seconds=0.05, run_limits=RunLimits(person=2)) as (_, app),
        client_with(app, "any") as client,
    ):
        with pytest.raises(openai.RateLimitError) as refused:
            client.images.generate(prompt="a lighthouse", n=3)
        assert refused.value.code == "rate_limit_exceeded"
        assert "retry-after" in refused.value.response.headers
        eventually(lambda: all(one.state.phase is Phase.STOPPED for one in app.runs.known()))


def test_a_size_beyond_the_form_keeps_its_aspect_ratio() -> None:
    """OpenAI's landscape is too wide for many forms."""
    fields = [
        replace(one, min=64, max=1024, step=8)
        for one in form_of(text_to_image()).fields
        if one.input in ("width", "height")
    ]
    assert [side for _, side in _fitted(fields, (1536, 1024))] == [1024, 680]
    assert [side for _, side in _fitted(fields, (32, 64))] == [64, 128]
    assert [side for _, side in _fitted(fields, (1001, 512))] == [1001, 512]
