"""Settings in a workflow's TOML file: parsed, merged, and shipped with the app."""

from __future__ import annotations

import re
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.base.messages import Message
from comfy.chains.folder import ChainFolder
from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.library.folder import WorkflowFolder
from comfy.workflow.config import (
    FIELD_KEYS,
    FORM_KEYS,
    SHIPPED,
    FieldConfig,
    FormConfig,
    parse_config,
    read_config,
)
from comfy.workflow.model import read_workflow
from comfy.workflow.settings import FieldNames, merge_settings, parsed_settings
from tests.support.samples.forms import (
    WORKFLOWS,
    form_of,
    node,
    small_catalog,
    text_to_image,
    workflow_of,
)

README = (WORKFLOWS / "README.md").read_text(encoding="utf-8")


def said(**data: Any) -> FormConfig:
    """Parse a config as if it came from a file named sample.toml."""
    return parse_config("sample.toml", data)


def configured(**data: Any) -> Form:
    """Build the plain form with these settings from a TOML file."""
    return form_of(text_to_image(), said(**data))


def example() -> FormConfig:
    """Return the example from the documentation."""
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    return parse_config("example.toml", tomllib.loads(block))


def test_the_documented_example_works_as_described() -> None:
    """The TOML example in workflows/README.md fits the text-to-image workflow and causes no
    problem."""
    form = build_form(
        workflow_of(read_workflow(WORKFLOWS / "text-to-image.json").prompt, example()),
        small_catalog(),
    )
    assert form.problems == ()
    assert form.title == "Portrait lighting"
    shown = [
        (field.label, field.group, field.section)
        for field in form.fields
        if field.group != "hidden"
    ]
    assert shown == [
        ("Light", "main", None),
        ("Steps", "main", None),
        ("Size", "main", None),
        ("Model", "advanced", "Look"),
    ]
    steps = form.field("5.steps")
    assert (steps.widget, steps.min, steps.max, steps.default, steps.source) == (
        "slider",
        10,
        40,
        30,
        "toml",
    )
    assert form.field("4.width").targets == (("4", "width"), ("4", "height"))


def test_every_setting_is_documented() -> None:
    """The tables in workflows/README.md name all settings and no others."""
    documented = set(
        re.findall(
            r"`(\w+)`", " ".join(line.split("|")[1] for line in README.splitlines() if "|" in line)
        )
    )
    files = {file.stem for file in WORKFLOWS.glob("*.json")}
    assert documented - files == set(FORM_KEYS) | set(FIELD_KEYS)
    assert set(re.findall(r"^\| `([\w-]+)`", README, re.MULTILINE)) >= files


def test_listed_fields_come_first_in_the_order_of_the_file() -> None:
    """Listed fields are the main form. The other fields are under advanced."""
    form = configured(
        fields={"3.seed": {}, "6.text": {"label": "Scene"}, "3.cfg": {"group": "advanced"}}
    )
    assert [field.label for field in form.fields if field.group == "main"] == ["Seed", "Scene"]
    assert next(field.key for field in form.fields if field.group == "advanced") == "3.cfg"
    assert form.field("5.width").group == "advanced"


@pytest.mark.parametrize(
    ("others", "group"), [("hidden", "hidden"), ("auto", "main"), ("advanced", "advanced")]
)
def test_the_others_setting_groups_unlisted_inputs(others: str, group: str) -> None:
    """Unlisted inputs are hidden, moved to advanced, or treated as if there were no TOML file."""
    form = configured(others=others, fields={"3.steps": {}})
    assert form.field("6.text").group == group


def test_a_title_alone_changes_no_field() -> None:
    """If the file lists no field, the heuristics decide."""
    form = configured(title="Mine", description="Words.")
    assert (form.title, form.description) == ("Mine", "Words.")
    assert form.field("6.text").group == "main"


def test_the_author_may_hide_require_and_explain() -> None:
    """The author decides about hidden, required, help, default and widget."""
    form = configured(
        fields={
            "6.text": {
                "required": True,
                "help": "Say what you want.",
                "widget": "text",
                "default": "",
            },
            "3.seed": {"hidden": True, "default": 5},
        }
    )
    text = form.field("6.text")
    assert (text.required, text.tooltip, text.widget, text.default) == (
        True,
        "Say what you want.",
        "text",
        "",
    )
    assert (form.field("3.seed").group, form.field("3.seed").default) == ("hidden", 5)


def test_a_stand_in_for_a_missing_model_is_a_note_not_a_problem() -> None:
    """With `closest`, a workflow runs with a similar model that the ComfyUI server has."""
    prompt = text_to_image()
    prompt["4"]["inputs"]["ckpt_name"] = "v1-5-pruned-emaonly.safetensors"
    form = form_of(prompt, said(fields={"4.ckpt_name": {"closest": True}}))
    assert form.field("4.ckpt_name").default == "tiny_sd15.safetensors"
    assert form.problems == ()
    (note,) = form.notes
    assert "v1-5-pruned-emaonly" in note.said
    assert (note.key, note.value) == ("4.ckpt_name", "tiny_sd15.safetensors")


def test_limits_can_be_narrowed_but_not_widened() -> None:
    """The server would refuse values beyond its own limits."""
    form = configured(fields={"3.steps": {"min": -5, "max": 50}})
    assert (form.field("3.steps").min, form.field("3.steps").max) == (1, 50)
    assert form.problems == ("Steps: The author's minimum is -5, but the server's is 1.",)


def test_the_author_chooses_which_choices_are_offered() -> None:
    """They appear in the author's order. The initial value is among them, and choices that the
    server lacks are left out."""
    offered = ["dpmpp_2m", "nope", "euler"]
    form = configured(fields={"3.sampler_name": {"choices": offered, "widget": "radio"}})
    assert [value for _, value in form.field("3.sampler_name").choices or ()] == offered[::2]
    assert form.problems == ()
    form = configured(fields={"3.sampler_name": {"choices": ["dpmpp_2m"]}})
    assert [value for _, value in form.field("3.sampler_name").choices or ()] == [
        "euler",
        "dpmpp_2m",
    ]


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("3.sampler_name", "Sampler: The server has none of the “choices”."),
        ("3.steps", "Steps: Only a field with choices can have “choices”."),
    ],
)
def test_choices_that_cannot_be_offered_are_a_problem(key: str, problem: str) -> None:
    """The field keeps the server's choices."""
    form = configured(fields={key: {"choices": ["nope"]}})
    assert form.problems == (problem,)
    assert form.field(key).choices == form_of(text_to_image()).field(key).choices


def test_the_outputs_that_count_can_be_chosen() -> None:
    """Only the outputs that the author names count as results. A name that matches no output is a
    problem."""
    form = configured(outputs=["9", "77"])
    assert [output.node for output in form.outputs] == ["9"]
    assert form.problems == ("The output “77” in the TOML file is not an output node.",)


def test_the_author_can_name_outputs() -> None:
    """A table names the outputs and orders them. An empty name means the node's title."""
    prompt = text_to_image(n20=node("PreviewAny", source=["4", 0]))
    form = form_of(prompt, said(outputs={"20": "Model data", "9": " "}))
    assert [(one.node, one.label) for one in form.outputs] == [
        ("20", "Model data"),
        ("9", "Save Image"),
    ]
    assert not form.problems


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"outputs": {"9": 5}}, "“outputs” must be a list of node ids, or a table"),
        ({"titel": "x"}, "no setting “titel”. Did you mean “title”?"),
        ({"title": 7}, "“title” must be a string"),
        ({"others": "none"}, "must be one of advanced, auto, hidden"),
        ({"fields": 7}, "“fields” must be a table"),
        ({"fields": {"3.steps": 7}}, "must be a table such as"),
        ({"fields": {"3.steps": {"maximum": 9}}}, "no setting “maximum”"),
        ({"fields": {"3.steps": {"max": "9"}}}, "“max” must be a number"),
        ({"fields": {"3.steps": {"max": float("nan")}}}, "“max” must be a number"),
        ({"fields": {"3.steps": {"min": 9, "max": 3}}}, "The minimum is above the maximum."),
        ({"fields": {"3.steps": {"widget": "knob"}}}, "“widget” must be one of"),
        ({"fields": {"3.steps": {"widget": "image"}}}, "asks for “image”, but this field is INT"),
        ({"fields": {"3.cfg": {"widget": "seed"}}}, "asks for “seed”, but this field is FLOAT"),
        (
            {"fields": {"3.steps": {"default": "many"}}},
            "The value in the TOML file is “many”. Enter a whole number.",
        ),
        ({"fields": {"3.steps": {"default": 0}}}, "The value in the TOML file is 0. Minimum 1."),
        (
            {"fields": {"3.stepps": {}}},
            "names “3.stepps”, which this workflow doesn't have. Did you mean “3.steps”?",
        ),
        ({"fields": {"KSampler.steps": {}, "3.steps": {}}}, "names “3.steps” twice"),
        ({"fields": {"3.steps": {"also": ["3.nothing"]}}}, "names “3.nothing”"),
        ({"fields": {"3.steps": {"also": ["6.text"]}}}, "can't also set 6.text: the types differ"),
    ],
)
def test_mistakes_are_sentences_and_the_form_is_still_there(
    data: dict[str, Any], words: str
) -> None:
    """An invalid TOML file gets an error sentence, and the workflow still opens."""
    form = configured(**data)
    assert words in " ".join(form.problems)
    assert form.field("3.steps").default in (20, 1, 3)


@pytest.mark.parametrize("content", [b"title = ", b"\xff\xfe", b"a" * 10])
def test_a_broken_toml_does_not_keep_the_workflow_from_opening(
    tmp_path: Path, content: bytes
) -> None:
    """The form lists the reason as a problem."""
    file = tmp_path / "broken.toml"
    file.write_bytes(content)
    (problem,) = read_config(file).problems
    assert "broken.toml" in problem


TOML = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=10,
)
FIELDS = st.dictionaries(
    st.sampled_from(["3.steps", "3.cfg", "6.text", "4.ckpt_name", "KSampler.seed", "?"]),
    st.dictionaries(st.sampled_from(sorted(FIELD_KEYS)), TOML, max_size=4) | TOML,
    max_size=4,
)


@given(st.dictionaries(st.sampled_from(sorted(FORM_KEYS)), TOML, max_size=4), FIELDS)
def test_any_toml_makes_a_form(top: dict[str, Any], fields: dict[str, Any]) -> None:
    """For any content, the form keeps every field and has no duplicate label."""
    form = configured(**top | {"fields": fields})
    labels = [field.label for field in form.fields]
    assert len(labels) == len(set(labels))
    targets = [target for field in form.fields for target in field.targets]
    assert len(targets) == len(set(targets)) == 13


def test_ideas_go_into_fields() -> None:
    """A text fills the form's first text field, and a table fills the fields that it names. The app
    checks each value as if the user had typed it."""
    form = configured(
        ideas=["a boat", {"6.text": "two boats", "3.steps": 7}, {"KSampler.cfg": 3}],
        fields={"3.seed": {}, "6.text": {}, "3.steps": {}},
    )
    assert form.problems == ()
    assert [(idea.label, dict(idea.values)) for idea in form.ideas] == [
        ("a boat", {"6.text": "a boat"}),
        ("two boats", {"6.text": "two boats", "3.steps": 7}),
        ("3.0", {"3.cfg": 3.0}),
    ]


def test_an_idea_can_have_an_image(tmp_path: Path) -> None:
    """The image is a file beside the workflow, and so is the idea's own cover. The app lists
    neither as an unreadable workflow."""
    files = ("inpaint.json", "inpaint.toml", "inpaint.webp", "inpaint-water.webp")
    for file in (*files, "inpaint-boat.webp"):
        shutil.copy(WORKFLOWS / file, tmp_path)
    shutil.copy(WORKFLOWS / "inpaint-sky.webp", tmp_path / "other.webp")
    folder = WorkflowFolder(tmp_path)
    assert [entry.name for entry in folder.entries()] == ["inpaint", "other"]
    form = build_form(folder.get("inpaint"), small_catalog())
    assert form.ideas[0].images == {"4.image": "inpaint-water.webp"}
    assert form.ideas[0].cover == "inpaint-boat.webp"
    assert dict(form.ideas[0].values) == {"2.text": form.ideas[0].label}
    toml = tmp_path / "inpaint.toml"
    toml.write_text(toml.read_text().replace("inpaint-water.webp", "../other.webp"))
    form = build_form(folder.get("inpaint"), small_catalog())
    assert len(form.ideas) == 2
    assert "Your image: This must be the name of an image beside the workflow." in form.problems[0]


@pytest.mark.parametrize(
    ("ideas", "fields", "says"),
    [
        (
            ["a boat"],
            {"6.text": {"hidden": True}, "7.text": {"hidden": True}},
            "needs a text field",
        ),
        ([{"6.txt": "a boat"}], {}, "“6.txt”, which this workflow doesn't have. Did you mean"),
        ([{"6.text": "a boat"}], {"6.text": {"hidden": True}}, "which isn't a visible field"),
        ([{"3.steps": -1}], {}, "Ideas in the TOML file: Steps: Minimum 1."),
        (["", "a boat"], {}, "“ideas” must be a list of strings"),
        ([{}], {}, "“ideas” must be a list of strings"),
        ("a boat", {}, "“ideas” must be a list of strings"),
    ],
)
def test_an_idea_without_a_field_is_reported(ideas: object, fields: object, says: str) -> None:
    """The form leaves the idea out and reports a problem."""
    form = configured(ideas=ideas, fields=fields)
    assert "a boat" not in {idea.label for idea in form.ideas}
    assert says in form.problems[0]


@pytest.mark.parametrize("file", sorted(WORKFLOWS.glob("*.json")), ids=lambda file: file.stem)
def test_each_shipped_workflow_has_a_cover_and_ideas(file: Path) -> None:
    """Each workflow has a small cover and three ideas."""
    workflow = read_workflow(file)
    assert workflow.cover
    assert workflow.cover.stat().st_size <= 40_000
    assert workflow.config
    assert len(workflow.config.ideas) == 3


NO_NAMES = FieldNames()
SHIPPED_TOML = sorted((Path(__file__).parents[2] / "workflows").glob("**/*.toml"))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(str.strip).filter(bool)
NUMBER = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
KEY = st.sampled_from(["1.ckpt_name", "2.text", "3.text", "4.width", "4.height", "5.seed", 'a"b.c'])
FIELD = st.builds(
    FieldConfig,
    KEY,
    label=st.none() | TEXT,
    help=st.none() | TEXT,
    group=st.none() | st.sampled_from(["main", "advanced", "hidden"]),
    default=st.none() | TEXT | NUMBER | st.booleans(),
    min=st.none() | NUMBER,
    max=st.none() | NUMBER,
    step=st.none() | st.integers(1, 9),
    widget=st.none() | TEXT,
    choices=st.lists(TEXT | st.integers(0, 9), max_size=2).map(tuple),
    hidden=st.none() | st.booleans(),
    required=st.none() | st.booleans(),
    also=st.lists(KEY, max_size=2, unique=True).map(tuple),
    closest=st.none() | st.booleans(),
)
IDEA = TEXT | st.dictionaries(KEY, TEXT | st.integers(0, 9), min_size=1, max_size=2)
SETTINGS = st.builds(
    FormConfig,
    title=st.none() | TEXT,
    description=st.none() | TEXT,
    order=st.none() | NUMBER,
    others=st.sampled_from(["advanced", "auto", "hidden"]),
    outputs=st.dictionaries(st.sampled_from(["7", "8", "9:1"]), st.just("") | TEXT, max_size=2),
    ideas=st.lists(IDEA, max_size=3).map(tuple),
    cover=st.none() | st.just("cover.webp"),
    fields=st.lists(FIELD, max_size=5, unique_by=lambda one: one.name).map(tuple),
)
BY_HAND = """\
# Ann's form
title = "Portrait lighting"   # short
colour = "blue"
ideas = ["soft light"]

# ---- the main fields ----

# what light
[fields."2.text"]
label = 'Light'
tone = 3      # not ours

[fields."2.text".more]
deep = true

# ---- advanced ----

[fields."Model.ckpt_name"]
closest = true
help = \"\"\"
Any [model]
# will do\"\"\"

[outputs]
"7" = "Lines" # drawn

[other]
x = 1 # the last
"""


@given(SETTINGS, SETTINGS)
def test_reads_what_it_writes(first: FormConfig, second: FormConfig) -> None:
    """The file has the wanted settings afterwards."""
    text = merge_settings("", first, NO_NAMES)
    assert parsed_settings(text, NO_NAMES) == first
    again = merge_settings(text, second, NO_NAMES)
    assert parsed_settings(again, NO_NAMES) == second
    assert merge_settings(again, second, NO_NAMES) == again


@given(SETTINGS)
def test_keeps_comments_and_unknown_keys(wanted: FormConfig) -> None:
    """Comments and unknown keys survive, unless their field is removed."""
    before = parsed_settings(BY_HAND, NO_NAMES)
    own = [one for one in before.fields if one.name not in {each.name for each in wanted.fields}]
    wanted = replace(wanted, fields=(*wanted.fields, *own))
    after = merge_settings(BY_HAND, wanted, NO_NAMES)
    assert replace(parsed_settings(after, NO_NAMES), problems=()) == wanted
    for comment in re.findall(r"# (?:Ann|----|what|not|the last).*", BY_HAND):
        assert comment in after
    data = tomllib.loads(after)
    assert data["colour"] == "blue"
    assert data["other"] == {"x": 1}
    assert (data["fields"]["2.text"]["tone"], data["fields"]["2.text"]["more"]) == (
        3,
        {"deep": True},
    )


@pytest.mark.parametrize("path", SHIPPED_TOML, ids=lambda path: path.stem)
def test_writing_what_it_reads_changes_nothing(path: Path) -> None:
    """The text stays the same byte for byte."""
    text = path.read_text(encoding="utf-8")
    assert merge_settings(text, parsed_settings(text, NO_NAMES), NO_NAMES) == text


SHIPPED_WORKFLOWS = Path(__file__).parents[2] / "workflows"
FILES = {file.name: file for file in SHIPPED_WORKFLOWS.rglob("*.toml")}


def test_every_shipped_file_has_its_messages() -> None:
    """The messages cover every shipped file and no other file."""
    assert FILES.keys() == SHIPPED.keys()


@pytest.mark.parametrize("name", FILES)
def test_our_words_are_messages(name: str) -> None:
    """The title, the description and the titles of a chain's steps match the file."""
    if name.endswith(".chain.toml"):
        chain = ChainFolder(SHIPPED_WORKFLOWS).get(name.removesuffix(".toml"))
        told = (chain.title, chain.description, *(step.title for step in chain.steps))
        said = told
    else:
        config = read_config(FILES[name])
        told = (config.title, config.description)
        of_fields = [word for one in config.fields for word in (one.label, one.help) if word]
        said = (*told, *of_fields)
    assert told == SHIPPED[name]
    assert [one for one in said if not isinstance(one, Message)] == []


@pytest.mark.parametrize(
    "file", sorted(SHIPPED_WORKFLOWS.rglob("*.json")), ids=lambda file: file.stem
)
def test_every_shipped_field_has_a_message_as_its_label(file: Path) -> None:
    """A field without a label in the shipped files gets a plain label that is a translatable
    message. Help texts of main fields are messages, too."""
    fields = build_form(read_workflow(file), small_catalog()).fields
    shown = [one for one in fields if one.group != "hidden"]
    assert [one.label for one in shown if not isinstance(one.label, Message)] == []
    helps = [one.tooltip for one in shown if one.group == "main" and one.tooltip]
    assert [one for one in helps if not isinstance(one, Message)] == []


def test_our_folder_is_named_after_its_contents(tmp_path: Path) -> None:
    """The folder's own name would display as "Steps". A user's folder with that name keeps it."""
    ours = {one.folder for one in WorkflowFolder(SHIPPED_WORKFLOWS).entries()}
    assert ours == {"", "Single steps"}
    assert all(isinstance(one, Message) for one in ours if one)
    (tmp_path / "steps").mkdir()
    shutil.copy(SHIPPED_WORKFLOWS / "upscale.json", tmp_path / "steps" / "mine.json")
    assert [one.folder for one in WorkflowFolder(tmp_path).entries()] == ["Steps"]


def test_texts_of_users_are_not_translated(tmp_path: Path) -> None:
    """A user's file with a shipped file's name or title keeps its words, and so does a label that a
    user changed in a shipped file."""
    for name, about in (("upscale", "My own."), ("mine", "Enlarge your image and add detail.")):
        file = tmp_path / f"{name}.toml"
        file.write_text(f'title = "Upscale"\ndescription = "{about}"\n')
        config = read_config(file)
        assert (config.title, config.description) == ("Upscale", about)
        assert not isinstance(config.title, Message)
        assert not isinstance(config.description, Message)
    file = tmp_path / "inpaint.toml"
    ours = FILES["inpaint.toml"].read_text(encoding="utf-8")
    file.write_text(ours.replace('label = "Your image"', 'label = "My photo"'), encoding="utf-8")
    image, prompt = read_config(file).fields[:2]
    assert (image.label, isinstance(image.label, Message)) == ("My photo", False)
    assert isinstance(prompt.help, Message)
