"""Templates of the servers, and sources of missing parts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from comfy.base.errors import WorkflowNotFound
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers import managers
from comfy.comfyui.servers.managers import KnownPacks
from comfy.comfyui.servers.pool import ServerPool
from comfy.form.missing_items import MissingChoice, MissingClass
from comfy.library.catalog import CatalogCache
from comfy.media.decoding import DecodingSlots
from comfy.requirements.model import ModelFile
from comfy.requirements.readiness import Readiness
from comfy.templates.offered import KnownParts, OfferedTemplates
from comfyui_standin import DemoServer, Templates, folder_templates
from comfyui_standin.server.routes import VERSION
from tests.downloads.node_server import graph_with
from tests.support.serving import WORKFLOWS
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.templates.template_server import entry, index_of, some_templates

LONG = 60.0


@contextmanager
def offered_by(folder: Path, *servers: DemoServer) -> Iterator[OfferedTemplates]:
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(one.url)) for one in servers]
        pool = stack.enter_context(ServerPool(*clients))
        yield OfferedTemplates(pool, CatalogCache(pool.object_info), folder, DecodingSlots())


def judged(templates: OfferedTemplates) -> dict[str, Readiness]:
    found = templates.readiness(LONG)
    assert found.is_complete
    return dict(found.readiness)


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0, templates=some_templates()) as server:
        yield server


def reads_of(demo: DemoServer, name: str) -> int:
    return demo.requests[f"GET /templates/{name}.json"]


def test_each_template_says_what_it_lacks(demo: DemoServer, tmp_path: Path) -> None:
    """The server's catalog decides."""
    with offered_by(tmp_path, demo) as templates:
        found = judged(templates)
    assert found["runs_here"].can_run
    assert found["takes_photo"].can_run
    assert found["some_pack/My first"].can_run
    (model,) = found["lacks_model"].models
    assert (model.name, model.folder) == ("gone.safetensors", "checkpoints")
    assert found["lacks_model"].size == 20_800_000_000
    assert [one.id for one in found["lacks_pack"].packs] == ["fancy-pack"]
    assert found["needs_newer"].version == "0.99.0"
    assert not found["broken"].can_run


def test_a_slice_ends_early(demo: DemoServer, tmp_path: Path) -> None:
    """Work is done in slices: the first batch, then until time is up."""
    names = [f"t{number}" for number in range(60)]
    files = {f"{name}.json": b"{}" for name in names}
    many = Templates({**files, "index.json": index_of(*map(entry, names))})
    with (
        DemoServer(step_seconds=0, templates=many) as server,
        offered_by(tmp_path, server) as templates,
    ):
        first = templates.readiness(0)
        assert 0 < len(first.readiness) < len(names)
        assert not first.is_complete
        assert len(judged(templates)) == len(names)


def test_results_survive_a_restart(demo: DemoServer, tmp_path: Path) -> None:
    """No workflow is fetched again."""
    with offered_by(tmp_path, demo) as templates:
        before = judged(templates)
    count = reads_of(demo, "runs_here")
    with offered_by(tmp_path, demo) as templates:
        assert judged(templates) == before
    assert reads_of(demo, "runs_here") == count


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 99}', b"\xff\x00"])
def test_a_damaged_file_of_results_is_ignored(
    demo: DemoServer, tmp_path: Path, content: bytes
) -> None:
    """The templates are checked again."""
    (tmp_path / "judged.json").write_bytes(content)
    with offered_by(tmp_path, demo) as templates:
        assert judged(templates)["runs_here"].can_run


def test_several_servers_are_merged(demo: DemoServer, tmp_path: Path) -> None:
    """Each template is listed once, and runs if one server has everything."""
    other = Templates(
        {
            "index.json": index_of(entry("runs_here"), entry("only_there")),
            "only_there.json": some_templates().files["runs_here.json"],
        }
    )
    with (
        DemoServer(step_seconds=0, templates=other) as second,
        offered_by(tmp_path, demo, second) as templates,
    ):
        ids = [one.id for one in templates.all()]
        assert ids.count("runs_here") == 1
        assert "only_there" in ids
        found = judged(templates)
        assert found["only_there"].can_run
        assert templates.find("only_there").server.url == second.url


def test_a_server_that_does_not_answer_offers_nothing(demo: DemoServer, tmp_path: Path) -> None:
    """The other's templates stay."""
    with DemoServer(step_seconds=0) as gone:
        pass
    with offered_by(tmp_path, gone, demo) as templates:
        assert "runs_here" in [one.id for one in templates.all()]


def test_texts_are_in_the_language_of_the_visitor(demo: DemoServer, tmp_path: Path) -> None:
    """Without an index in that language, they stay English."""
    with offered_by(tmp_path, demo) as templates:
        french, german = ({one.id: one for one in templates.all(tag)} for tag in ("fr", "de"))
    assert french["runs_here"].title == "Un bateau"
    assert german["runs_here"].title == "Runs here"


def test_images_are_drawn_again(demo: DemoServer, tmp_path: Path) -> None:
    """Browsers get small WebPs of our own, and nothing else that a server sends."""
    with offered_by(tmp_path, demo) as templates:
        path = templates.images.image(templates.find("runs_here"))
        assert path is not None
        assert path.read_bytes()[8:12] == b"WEBP"
        assert templates.images.image(templates.find("some_pack/My first"))
        assert templates.images.image(templates.find("lacks_model")) is None
        assert templates.images.image(templates.find("lacks_pack")) is None


@pytest.mark.parametrize("name", ["", "nope", "../index", "index", "some_pack/../x", "a" * 5000])
def test_only_listed_templates_are_found(demo: DemoServer, tmp_path: Path, name: str) -> None:
    """Names never become paths unless a server lists them."""
    with offered_by(tmp_path, demo) as templates, pytest.raises(WorkflowNotFound):
        templates.find(name)


def test_the_stand_in_offers_the_shipped_workflows(tmp_path: Path) -> None:
    """All of them run there, so that a new user can try templates."""
    with (
        DemoServer(step_seconds=0, templates=folder_templates(WORKFLOWS)) as server,
        offered_by(tmp_path, server) as templates,
    ):
        titles = {one.id: one.title for one in templates.all()}
        found = judged(templates)
        assert templates.images.image(templates.find("text-to-image"))
    assert titles["text-to-image"] == "Text to image"
    assert all(one.can_run for one in found.values())


MAPPINGS = "/v2/customnode/getmappings"
URL = "https://huggingface.co/x/resolve/main/umt5_xxl.safetensors"


def test_packs_come_from_the_servers_managers(tmp_path: Path) -> None:
    """A graph that doesn't name a node's pack gets it from the Manager. Its own name counts first,
    and an address that isn't a repository on GitHub is no pack."""
    with (
        DemoServer(step_seconds=0, manager="4") as demo,
        offered_by(tmp_path, demo) as templates,
    ):
        assert demo.manager is not None
        demo.manager.packs = {
            "sharp-pack": ["Sharpen+", "Blur+"],
            "https://github.com/me/soft.git": ["Soft"],
            "https://example.com/me/hard": ["Hard"],
        }
        known = KnownParts(KnownPacks(templates._pool), templates)
        missing = [
            MissingClass("Sharpen+", ("1",), (), "", ""),
            MissingClass("Blur+", ("2",), (), "", "own-pack"),
            MissingClass("Soft", ("3",), (), "", ""),
            MissingClass("Hard", ("4",), (), "", ""),
            MissingClass("Newest", ("5",), (), "", "comfy-core"),
        ]
        found = [one for one in known.missing(missing) if isinstance(one, MissingClass)]
    assert [one.pack for one in found] == ["sharp-pack", "own-pack", "me/soft", "", "comfy-core"]
    assert found[-1].server == VERSION


def test_a_manager_that_hangs_delays_all_forms_once(tmp_path: Path) -> None:
    """Its missing nodes wait for it together, and the next forms don't wait."""
    missing = [MissingClass(f"Node{number}", ("1",), (), "", "") for number in range(12)]
    with (
        DemoServer(step_seconds=0, manager="4") as demo,
        offered_by(tmp_path, demo) as templates,
        demo.hold(f"GET {MAPPINGS}"),
    ):
        known = KnownParts(KnownPacks(templates._pool), templates)
        start = time.monotonic()
        for _ in range(3):
            assert known.missing(missing) == tuple(missing)
        assert time.monotonic() - start < len(missing)


def test_a_manager_that_failed_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its packs are known soon after it answers."""
    monkeypatch.setattr(managers, "_RETRY_SECONDS", 0.0)
    with (
        DemoServer(step_seconds=0, manager="4") as demo,
        offered_by(tmp_path, demo) as templates,
    ):
        assert demo.manager is not None
        demo.manager.packs = {"sharp-pack": ["Sharpen+"]}
        demo.script("http_500", f"GET {MAPPINGS}")
        packs = KnownPacks(templates._pool)
        assert packs.get() == {}
        eventually(lambda: packs.get() == {"Sharpen+": "sharp-pack"}, "the packs to be known")


def test_models_get_the_addresses_that_templates_name(tmp_path: Path) -> None:
    """A graph without an address for a file gets a template's, once templates were judged."""
    graph = graph_with("umt5_xxl.safetensors", URL, "a" * 64)
    templates = Templates(
        {"index.json": index_of(entry("some")), "some.json": json.dumps(graph).encode()}
    )
    wanted = ModelFile("sub/UMT5_xxl.safetensors")
    lacking = MissingChoice("4.a", "Model", "sub\\umt5_xxl.safetensors", None)
    with (
        DemoServer(step_seconds=0, templates=templates) as demo,
        offered_by(tmp_path, demo) as templates,
    ):
        known = KnownParts(KnownPacks(templates._pool), templates)
        assert known.missing([lacking]) == (lacking,)
        (file,) = known.models((wanted,), 30.0)
        (choice,) = known.missing([lacking])
    assert (file.name, file.folder, file.url) == (wanted.name, "checkpoints", URL)
    assert file.sha256 == "a" * 64
    assert isinstance(choice, MissingChoice)
    assert (choice.directory, choice.url) == ("checkpoints", URL)


def test_a_packs_examples_give_no_addresses(tmp_path: Path) -> None:
    """A node pack can't choose the source of a file that another workflow needs, even if ComfyUI's
    own template names another one."""
    own = graph_with("umt5_xxl.safetensors", URL, "a" * 64)
    others = "https://huggingface.co/pack/resolve/main/"
    templates = Templates(
        {"index.json": index_of(entry("some")), "some.json": json.dumps(own).encode()},
        {
            f"some_pack/{name}.json": json.dumps(graph_with(file, others + file)).encode()
            for name, file in (("one", "umt5_xxl.safetensors"), ("two", "rare.safetensors"))
        },
    )
    wanted = ModelFile("umt5_xxl.safetensors"), ModelFile("rare.safetensors")
    with (
        DemoServer(step_seconds=0, templates=templates) as demo,
        offered_by(tmp_path, demo) as templates,
    ):
        known = KnownParts(KnownPacks(templates._pool), templates)
        assert [one.url for one in known.models(wanted, 30.0)] == [URL, ""]


def test_a_form_does_not_wait_while_templates_are_judged(tmp_path: Path) -> None:
    """A server that is slow to send a template delays the dialog of templates, but no form."""
    templates = Templates({"index.json": index_of(entry("some")), "some.json": b"{}"})
    lacking = MissingChoice("4.a", "Model", "umt5_xxl.safetensors", None)
    with (
        DemoServer(step_seconds=0, templates=templates) as demo,
        offered_by(tmp_path, demo) as templates,
        ThreadPoolExecutor() as threads,
        demo.hold("GET /templates/some.json") as held,
    ):
        judging = threads.submit(templates.readiness, 30.0)
        assert held.reached.wait(LONGEST_WAIT)
        known = KnownParts(KnownPacks(templates._pool), templates)
        drawing = threads.submit(known.missing, [lacking])
        assert drawing.result(LONGEST_WAIT) == (lacking,)
        assert not judging.done()
