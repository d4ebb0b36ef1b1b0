"""Forms of the library: cached, edited by several authors, and with long texts in other files."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from comfy.base.errors import ServerUnreachable, WorkflowError
from comfy.batches.spec import AxisSpec, BatchSpec
from comfy.library.catalog import CatalogCache
from comfy.library.editing.editor import FormEditor, SettingsChanged, change_summary
from comfy.library.editing.history import History
from comfy.library.folder import WorkflowFolder
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions
from comfy.records.record import Record
from comfy.runs.interface import Origin, RunPolicy
from comfy.workflow.config import FieldConfig, FormConfig
from comfyui_standin import DemoServer
from tests.support.samples.extra_nodes import EXTRA
from tests.support.samples.forms import DATA, node, text_to_image
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually

ANN, BOB = "user:ann", "user:bob"
PAINTED = {
    "1": node("LoadImage", image="example.png"),
    "8": node(
        "Painter",
        model="Small",
        seed=7,
        **{"model.prompt": "a fox", "model.images.image_1": ["1", 0]},
    ),
    "9": node("SaveImage", filename_prefix="x", images=["8", 0]),
}
LOADS = {"1": node("LoadImage", image="example.png"), "2": node("PreviewImage", images=["1", 0])}


class Nodes:
    def __init__(self) -> None:
        self.raw: dict[str, Any] = json.loads((DATA / "object_info.json").read_text()) | EXTRA
        self.asked = 0

    def __call__(self) -> dict[str, Any]:
        self.asked += 1
        return self.raw


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


@pytest.fixture
def folder(tmp_path: Path) -> WorkflowFolder:
    """A folder with two workflows."""
    (tmp_path / "text.json").write_text(json.dumps(text_to_image()))
    (tmp_path / "painted.json").write_text(json.dumps(PAINTED))
    return WorkflowFolder(tmp_path)


@pytest.fixture
def forms_of(folder: WorkflowFolder, nodes: Nodes) -> Callable[..., Forms]:
    """Return a function that builds forms with the given permissions."""
    return lambda **rules: Forms(folder.get, CatalogCache(nodes), Permissions(**rules))


@pytest.fixture
def forms(forms_of: Callable[..., Forms]) -> Forms:
    """Return forms for users of whom only Ann is trusted."""
    return forms_of(keep=lambda owner: owner == ANN, trusts=lambda owner: owner == ANN)


def test_a_form_is_built_once_for_any_values(forms: Forms, nodes: Nodes) -> None:
    """Drawing, submitting and reopening a form give the same form object, for any user and any
    values. The app asks the server once."""
    _, drawn = forms.form("text", ANN)
    typed = {field.key: "something else" for field in drawn.fields}
    for owner, values in ((ANN, typed), (BOB, {}), (ANN, {"3.seed": 4})):
        assert forms.form("text", owner, values)[1] is drawn
    assert forms.form("text", ANN, typed, offline=True)[1] is drawn
    assert nodes.asked == 1


def test_each_option_has_its_own_cached_form(forms: Forms) -> None:
    """A choice that adds fields builds another form once. The app keeps the first form."""
    _, small = forms.form("painted", ANN)
    _, large = forms.form("painted", ANN, {"8.model": "Large"})
    assert "8.model.size" in {field.key for field in large.fields}
    assert "8.model.size" not in {field.key for field in small.fields}
    assert forms.form("painted", ANN, {"8.model": "Large", "8.model.prompt": "a cat"})[1] is large
    assert forms.form("painted", ANN, {"8.model": "Small"})[1] is small
    _, more = forms.form("painted", ANN, {"8.model.images.image_2.image": None})
    assert "8.model.images.image_2.image" in {field.key for field in more.fields}


def test_an_edited_file_is_read_again(forms: Forms, folder: WorkflowFolder) -> None:
    """When a workflow is edited or gets a toml, its form changes at once."""
    assert forms.form("text", ANN)[1].title == "Text"
    (folder.path / "text.toml").write_text('title = "A text"')
    assert forms.form("text", ANN)[1].title == "A text"


def test_a_changed_catalog_rebuilds_the_form(forms: Forms, nodes: Nodes) -> None:
    """Refreshing an unchanged catalog keeps the form. If the catalog has a new model, the form
    offers it."""
    _, before = forms.form("text", ANN)
    nodes.raw = json.loads(json.dumps(nodes.raw))
    forms.catalog.get(refresh=True)
    assert forms.form("text", ANN)[1] is before
    loader = nodes.raw["CheckpointLoaderSimple"] = json.loads(
        json.dumps(nodes.raw["CheckpointLoaderSimple"])
    )
    loader["input"]["required"]["ckpt_name"][0].append("brand-new.safetensors")
    forms.catalog.get(refresh=True)
    offered = [value for _, value in forms.form("text", ANN)[1].field("4.ckpt_name").choices or ()]
    assert "brand-new.safetensors" in offered


def test_concurrent_requests_build_a_form_once(forms: Forms) -> None:
    """If several users request a form at the same moment, the app builds it once and all of them
    get it."""
    ready = threading.Barrier(8)

    def ask(number: int) -> object:
        ready.wait(timeout=LONGEST_WAIT)
        return forms.form("painted", f"user:{number}", {"8.seed": number})[1]

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(8)))
    assert all(one is found[0] for one in found)


def test_a_failed_form_is_built_again_on_the_next_request(
    forms: Forms, folder: WorkflowFolder
) -> None:
    """The app refuses a missing workflow each time, until its file exists."""
    for _ in range(2):
        with pytest.raises(WorkflowError):
            forms.form("nothing", ANN)
    (folder.path / "nothing.json").write_text(json.dumps(text_to_image()))
    assert forms.form("nothing", ANN)[1].fields


def test_without_the_server_only_known_data_is_shown(forms: Forms, nodes: Nodes) -> None:
    """`offline` never asks the server. Before another call has asked it, there is no form."""
    with pytest.raises(ServerUnreachable):
        forms.form("text", ANN, offline=True)
    assert nodes.asked == 0
    forms.form("text", ANN)
    assert forms.form("text", ANN, offline=True)[1].fields
    assert nodes.asked == 1


def test_an_opened_workflow_belongs_to_its_opener(forms: Forms) -> None:
    """Another user can't find it under its name, even though its form already exists."""
    name = forms.open(ANN, "mine.json", json.dumps(text_to_image()).encode()).name
    assert forms.form(name, ANN)[1].title == "Mine"
    with pytest.raises(WorkflowError, match="isn't available"):
        forms.form(name, BOB)


def test_a_shortened_title_ends_with_an_ellipsis(forms: Forms) -> None:
    """If a file name is too long for a title, the app cuts it and adds an ellipsis."""
    data = json.dumps(text_to_image()).encode()
    titles = [forms.open(ANN, f"{'w' * length}.json", data).title for length in (60, 61)]
    assert titles == ["W" + "w" * 59, "W" + "w" * 58 + "…"]


def test_an_untrusted_users_form_names_no_server_files(forms: Forms) -> None:
    """Both users open the same file. The untrusted user's form names no server file, regardless of
    who opened it first."""
    data = json.dumps(LOADS).encode()
    for owner, shown in ((ANN, "example.png"), (BOB, ""), (ANN, "example.png"), (BOB, "")):
        name = forms.open(owner, "loads.json", data).name
        workflow, form = forms.form(name, owner)
        assert form.field("1.image").default == shown
        assert workflow.prompt["1"]["inputs"]["image"] == shown


def test_nodes_that_are_not_allowed_are_refused_each_time(forms_of: Callable[..., Forms]) -> None:
    """The allowlist of node classes applies to every form of an opened workflow, but not to
    workflows in the folder."""
    forms = forms_of(nodes=frozenset({"LoadImage"}), trusts=lambda owner: owner == ANN)
    for owner in (ANN, BOB):
        name = forms.open(owner, "loads.json", json.dumps(LOADS).encode()).name
        for _ in range(2):
            with pytest.raises(WorkflowError, match="PreviewImage"):
                forms.form(name, owner)
    assert forms.form("text", BOB)[1].fields


def test_without_the_permission_opened_forms_are_hidden(
    folder: WorkflowFolder, nodes: Nodes
) -> None:
    """The app checks the permission each time, even for a form that is already built."""
    allowed = {BOB}
    forms = Forms(folder.get, CatalogCache(nodes), Permissions(open=lambda owner: owner in allowed))
    name = forms.open(BOB, "mine.json", json.dumps(text_to_image()).encode()).name
    assert forms.form(name, BOB)[1].fields
    allowed.clear()
    with pytest.raises(WorkflowError, match="turned off"):
        forms.form(name, BOB)


def test_a_shell_shows_inputs_that_only_authors_set(folder: WorkflowFolder, nodes: Nodes) -> None:
    """Inputs that only authors set are hidden on the page but visible in a shell."""
    said = {"tooltip": "A folder of the server's."}
    nodes.raw["LoadFolder"] = {
        "input": {"required": {"folder": ["STRING", said]}},
        "output": ["IMAGE"],
    }
    prompt = {"1": node("LoadFolder", folder="mine"), "2": node("PreviewImage", images=["1", 0])}
    (folder.path / "folder.json").write_text(json.dumps(prompt))
    page = Forms(folder.get, CatalogCache(nodes), Permissions())
    shell = Forms(folder.get, CatalogCache(nodes), Permissions.of_a_shell())
    assert page.form("folder", BOB)[1].field("1.folder").group == "hidden"
    assert shell.form("folder", "shell")[1].field("1.folder").group != "hidden"


def test_only_made_model_files_keep_the_prompt_of_an_untrusted_user(
    forms: Forms, nodes: Nodes
) -> None:
    """A partner's node names the 3D model that it makes itself, so its prompt stays a field. The
    text of another node may become the name, so the app refuses it."""
    text = {"prompt": ["STRING", {"multiline": True}]}
    makes = {"input": {"required": text}, "output": ["STRING"], "output_name": ["model_file"]}
    shown = {"input": {"required": {"model_file": ["STRING", {}]}}, "output_node": True}
    nodes.raw |= {"TripoTextToModelNode": makes, "Answer": makes, "Preview3D": shown}
    prompt = {
        "1": node("TripoTextToModelNode", prompt="a fox"),
        "2": node("Preview3D", model_file=["1", 0]),
    }
    name = forms.open(BOB, "fox.json", json.dumps(prompt).encode()).name
    assert forms.form(name, BOB)[1].field("1.prompt").group != "hidden"
    prompt["1"]["class_type"] = "Answer"
    name = forms.open(BOB, "answer.json", json.dumps(prompt).encode()).name
    with pytest.raises(WorkflowError, match="may belong to another"):
        forms.form(name, BOB)


def test_a_workflow_with_too_many_inputs_is_refused(forms: Forms) -> None:
    """The app doesn't build a form that is too large to look at."""
    many = {
        str(n): node("CLIPTextEncode", **{f"text{i}": "x" for i in range(100)}) for n in range(101)
    }
    name = forms.open(BOB, "many.json", json.dumps(many).encode()).name
    with pytest.raises(WorkflowError, match="too large"):
        forms.form(name, BOB)


def test_an_untrusted_user_cannot_share_server_file_names(
    forms_of: Callable[..., Forms], folder: WorkflowFolder
) -> None:
    """An untrusted user can add a workflow to the folder only if it names no server file."""
    forms = forms_of(keep=lambda _: True)
    loads = forms.open(BOB, "loads.json", json.dumps(LOADS).encode()).name
    with pytest.raises(WorkflowError, match="uses server files"):
        forms.keep(BOB, loads, folder)
    text = forms.open(BOB, "my text.json", json.dumps(text_to_image()).encode()).name
    assert forms.form(forms.keep(BOB, text, folder), ANN)[1].fields


def test_whether_a_workflow_can_run_is_judged_once(
    forms: Forms, folder: WorkflowFolder, nodes: Nodes
) -> None:
    """The app decides by the server's nodes, and again when the nodes or the file change. A
    workflow that can't be read can't run."""
    (folder.path / "broken.json").write_text("[]")
    known = ("text", "painted", "broken", "none")
    assert [forms.usability(name, ANN).can_run for name in known] == [True, True, False, False]
    del nodes.raw["Painter"]
    assert forms.usability("painted", ANN).can_run
    forms.catalog.get(refresh=True)
    nodes.raw = {name: spec for name, spec in nodes.raw.items() if name != "SaveImage"}
    forms.catalog.get(refresh=True)
    assert [forms.usability(name, ANN).can_run for name in ("text", "painted")] == [False, False]
    (folder.path / "text.json").write_text(json.dumps(LOADS))
    assert forms.usability("text", ANN).can_run


LABELS = {"5.steps": "Steps"}


def test_neighbors_of_one_user_are_one_version() -> None:
    """Another user's change, a later one and the present one stay on their own."""
    history = History().synced("original", 0)
    for text, at, by in (
        ("1", 10, "Anna"),
        ("2", 70, "Anna"),
        ("3", 80, "Ben"),
        ("4", 90, "Anna"),
        ("5", 4000, "Anna"),
        ("6", 4001, "Anna"),
    ):
        history = history.saved(text, at, by)
    changes = [(new.text, old and old.text) for new, old in history.changes()]
    assert changes == [
        ("original", None),
        ("2", "original"),
        ("3", "2"),
        ("4", "3"),
        ("6", "4"),
    ]
    assert [new.text for new, _ in history.undone().changes()][-2:] == ["5", "6"]


def test_keeps_the_last_twenty_and_the_original() -> None:
    history = History().synced("original", 0)
    for number in range(25):
        history = history.saved(str(number), number * 1000, "")
    assert len(history.versions) == 20
    assert [one.text for one in history.versions[:2]] == ["original", "6"]
    assert history.original is history.versions[0]


def test_a_summary_shows_the_values() -> None:
    before = FormConfig(title="One", fields=(FieldConfig("5.steps", default=20),))
    for after, summary in (
        (FormConfig(title="Two", fields=before.fields), "Title: One → Two"),
        (FormConfig(fields=before.fields), "Title"),
        (
            FormConfig("One", fields=(FieldConfig("5.steps", default=30),)),
            "Steps (Default value): 20 → 30",
        ),
        (
            FormConfig("One", fields=(FieldConfig("5.steps", default=20, label="Rounds"),)),
            "Steps → Rounds",
        ),
        (
            FormConfig("One", fields=(FieldConfig("5.steps", min=1, max=9),)),
            "Steps (Default value, Minimum, Maximum)",
        ),
    ):
        assert change_summary(before, after, LABELS) == summary


def test_a_summary_names_the_field_that_moved() -> None:
    first, second, third, fourth = (FieldConfig(name) for name in ("a", "b", "c", "d"))
    before = FormConfig("One", fields=(first, second, third, fourth))
    labels = {"b": "Negative prompt"}
    moved = FormConfig("Two", fields=(first, third, fourth, second))
    assert change_summary(before, moved, labels) == "Title: One → Two, Negative prompt (Moved)"
    turned = FormConfig("One", fields=(fourth, third, second, first))
    assert change_summary(before, turned, labels) == "Order of the fields"
    assert change_summary(before, FormConfig("One", fields=(third, fourth)), labels) == (
        "a, Negative prompt"
    )


AUTHOR = "user:ann"
UNHINDERED = 0.5  # seconds; a save takes milliseconds


def editor_on(tmp_path: Path, clock: Callable[[], float]) -> FormEditor:
    """Return an editor as each process of the app has one."""
    folder = WorkflowFolder(tmp_path / "workflows")
    forms = Forms(folder.get, CatalogCache(Nodes()), Permissions.of_a_shell())
    return FormEditor(forms, folder, tmp_path / "forms", clock)


def test_two_processes_never_overwrite_each_other(tmp_path: Path) -> None:
    """Two authors save a form at two processes at the same time. The second one learns that the
    first has changed it."""
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "text.json").write_text(json.dumps(text_to_image()))
    is_saving, continues = threading.Event(), threading.Event()

    def slow_clock() -> float:
        is_saving.set()  # after the version was read
        assert continues.wait(LONGEST_WAIT)
        return time.time()

    first, second = editor_on(tmp_path, slow_clock), editor_on(tmp_path, time.time)
    version = second.open(AUTHOR, "text").version

    def save(editor: FormEditor, title: str) -> None:
        editor.save(AUTHOR, "text", FormConfig(title=title), version, "", force=False)

    with ThreadPoolExecutor(2) as authors:
        saves: list[Future[None]] = [authors.submit(save, first, "First")]
        assert is_saving.wait(LONGEST_WAIT)
        saves.append(authors.submit(save, second, "Second"))
        wait(saves[1:], UNHINDERED)
        continues.set()
        assert saves[0].result(LONGEST_WAIT) is None
        assert isinstance(saves[1].exception(LONGEST_WAIT), SettingsChanged)
    assert second.open(AUTHOR, "text").settings.title == "First"


OWNER = "user:ann"
SAID = "a {boat} at night"
# The text field of this one is drawn from, as prompts are.
WORDS = text_to_image(
    n4=node("CheckpointLoaderSimple", ckpt_name="demo-landscapes.safetensors"),
    n5=node("EmptyLatentImage", width=64, height=64, batch_size=1),
    n6=node("CLIPTextEncode", "Prompt", text="", clip=["4", 1]),
)
SAYS = {
    "1": node("PrimitiveStringMultiline", "Words", value=SAID),
    "2": node("PreviewAny", source=["1", 0]),
}
PUT_IN = r"a \{boat\} at night"
CHAIN = '[[steps]]\nname = "only"\nworkflow = "words"\nshow = ["Prompt", "Seed"]\n'


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """Run an app with a workflow that outputs text, another that takes text, and a chain that uses
    both."""
    (tmp_path / "words.json").write_text(json.dumps(WORDS))
    (tmp_path / "says.json").write_text(json.dumps(SAYS))
    (tmp_path / "two.chain.toml").write_text(CHAIN + CHAIN.replace("only", "other"))
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        yield app


def said_by(app: RunningApp, owner: str = OWNER, text: str = SAID) -> Record:
    """Run a workflow that outputs this text, and return its record."""
    run = app.services.starter.start(
        "says", {"1.value": text}, Origin(owner), RunPolicy(keeps_going=True)
    )
    eventually(lambda: run.state.phase.finished)
    return run.record


def of_group(app: RunningApp, group: str) -> list[Record]:
    """Return the finished runs of a batch or chain."""
    found = app.services.runs.history.of(OWNER, limit=100)
    return [one for one in found if one.group == group]


def made_in(app: RunningApp, chain: str) -> list[Record]:
    """Wait until a chain ends, and return its runs."""
    eventually(lambda: app.services.chains.get(chain, OWNER).finished)
    return of_group(app, chain)


def made_from(app: RunningApp, record: Record) -> list[str]:
    return [one.id for one in app.services.chain_forms.lineage(record).made_from]


def test_only_own_texts_count(app: RunningApp) -> None:
    """The app looks up the given ids only among the user's own runs."""
    others = said_by(app, "user:bob")
    run = app.services.starter.start(
        "words",
        {"6.text": PUT_IN},
        Origin(OWNER, text_sources=(others.id, "x", "\ud800", "")),
        RunPolicy(keeps_going=True),
    )
    assert run.record.parents == ()
    eventually(lambda: run.state.phase.finished)


def test_rows_and_steps_are_made_from_it_too(app: RunningApp) -> None:
    """In a batch, each row that keeps the form's text is made from it. In a chain, each step with
    the text is, even if it gets the text only when the user resumes the chain."""
    source = said_by(app)
    services = app.services
    spec = BatchSpec((AxisSpec("3.seed", "1..2"),))
    base = {"6.text": PUT_IN}
    batch = services.batches.start("words", base, spec, Origin(OWNER, text_sources=(source.id,)))
    eventually(lambda: services.batches.get(batch.id, OWNER).state == "done")
    rows = of_group(app, batch.id)
    assert [made_from(app, one) for one in rows] == [[source.id]] * 2
    other = said_by(app, text="at sea")
    values = {"only.6.text": "a boat", "other.6.text": PUT_IN}
    chain = services.chains.start("two.chain", values, Origin(OWNER, text_sources=(source.id,)))
    ended = made_in(app, chain.id)
    assert sorted(made_from(app, one) for one in ended) == [[], [source.id]]
    mended = {**values, "only.6.text": "at sea"}
    services.chains.go_on(chain.id, OWNER, mended, again=["only"], text_sources=[other.id])
    (last,) = (one for one in made_in(app, chain.id) if one not in ended)
    assert made_from(app, last) == [other.id]
    varied = services.chains.vary(last)
    again = {source: one for one in made_in(app, varied.id) for source in made_from(app, one)}
    assert again.keys() == {source.id, other.id}
    assert again[other.id].job.values["6.text"] == "at sea"


@pytest.mark.parametrize(
    ("text", "counts"),
    [(PUT_IN, True), (f"{PUT_IN}\nin oil", True), (f"{PUT_IN}, in oil", False), ("", False)],
)
def test_an_unchanged_source_text_is_recorded_as_a_parent(
    app: RunningApp, text: str, counts: bool
) -> None:
    """The source counts as long as its text is still there, unchanged. It counts for each run that
    one press starts."""
    source = said_by(app)
    batch = app.services.starter.start_several(
        "words",
        {"6.text": text},
        Origin(OWNER, text_sources=(source.id,)),
        2,
        RunPolicy(keeps_going=True),
    )
    for run in batch.runs:
        eventually(lambda run=run: run.state.phase.finished)  # type: ignore[misc]
        assert made_from(app, run.record) == ([source.id] if counts else [])
        assert run.record.parents == ((source.id,) if counts else ())
