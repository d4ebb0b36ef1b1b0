"""Shared values of rows are checked once, and each row gets the result it would get alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from comfy.launch.start import Judge, RowJudge, Starter
from comfy.launch.uploads import FILE_GONE, KeptUpload, Refused, Upload
from comfy.library.catalog import CatalogCache
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions
from tests.support.samples.forms import form_of, node, small_catalog, text_to_image, workflow_of
from tests.support.samples.media import saved

ANN = "user:ann"
PHOTO, OTHER = KeptUpload("a.png", "a" * 64), KeptUpload("b.png", "b" * 64)
# The second takes no image.
PHOTO_IN_PROMPT = {
    "1": node("LoadImage", image="example.png"),
    "2": node("SaveImage", images=["1", 0], filename_prefix="given"),
}
PROMPTS = (text_to_image() | PHOTO_IN_PROMPT, text_to_image())
FORMS = tuple(form_of(prompt) for prompt in PROMPTS)
VALUES: Mapping[str, tuple[object, ...]] = {
    "3.seed": (None, 1, 2, "3", "three"),
    "3.steps": (1, True, 1.0, 20, "20", 10**9),
    "3.sampler_name": ("euler", "ddim", "none such"),
    "6.text": ("a boat", "", " "),
    "1.image": (PHOTO, OTHER, Refused("No."), "stolen.png", None),
    "9.nothing": (1, 2),
}
ROW = st.fixed_dictionaries({}, optional={key: st.sampled_from(of) for key, of in VALUES.items()})


def starter() -> Starter:
    """Return a starter that only checks values."""
    workflow = workflow_of(PROMPTS[0])
    forms = Forms(lambda _: workflow, CatalogCache(lambda: small_catalog().raw), Permissions())
    return Starter(None, forms, None, None)  # type: ignore[arg-type]


def said(judge: Judge, which: int, values: Mapping[str, object]) -> object:
    clean, errors = judge(FORMS[which], values)
    return errors, {key: (type(value), value) for key, value in clean.items()}


@given(st.lists(st.tuples(st.integers(0, 1), ROW), max_size=6))
def test_each_row_is_judged_as_if_it_were_alone(rows: list[tuple[int, dict[str, object]]]) -> None:
    """The values of the previous row, and its errors, don't matter."""
    alone = partial(starter().judged_values, owner=ANN)
    judge = RowJudge(alone)
    for which, values in rows:
        assert said(judge.judged, which, values) == said(alone, which, values)


def test_an_unchanged_row_is_not_judged_again(tmp_path: Path) -> None:
    """The app doesn't look at a deleted file again for a row with another text. It does for a row
    with another file."""
    photo = tmp_path / "photo.png"
    photo.write_bytes(saved("PNG"))
    judge, values = (
        RowJudge(partial(starter().judged_values, owner=ANN)),
        {"1.image": Upload("photo.png", photo)},
    )
    first, _ = judge.judged(FORMS[0], values)
    photo.unlink()
    changed = {"6.text": "a boat"}
    assert judge.judged(FORMS[0], values | changed) == (first | changed, {})
    _, errors = judge.judged(FORMS[0], {"1.image": Upload("other.png", photo)})
    assert errors == {"1.image": FILE_GONE}
