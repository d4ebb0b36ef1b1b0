"""Values that add fields to a form. No other value changes the form."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from comfy.prompt.arrange import arrange
from comfy.prompt.structure import Structure
from tests.support.samples.extra_nodes import PAINTED, wide_catalog, wide_form

CATALOG = wide_catalog()
STRUCTURE = Structure.of(PAINTED, CATALOG)

KEYS = st.sampled_from(
    [
        *("1.image", "8.model", "8.model.mode", "8.model.prompt", "8.model.steps", "8.seed", "8"),
        *(
            "8.model.images.image_2.image",
            "8.model.images.image_3.image",
            "8.model.images.image_9.image",
        ),
        *("8.model.images.image_1.image", "8.model.photo.image", "9.model", "", ".", "8..image"),
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        ["Small", "Large", "Animated", "From photo", "With voice", "plain", "fast", "other", ""]
    ),
    st.none(),
    st.integers(),
    st.lists(st.integers(), max_size=2),
)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_non_structural_values_change_no_order(given_values: dict[str, object]) -> None:
    """For any values, the structural ones alone arrange the prompt the same way as all values
    do."""
    structural = dict(STRUCTURE.structural(given_values))
    assert arrange(PAINTED, CATALOG, structural) == arrange(PAINTED, CATALOG, given_values)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_structural_values_are_structural(given_values: dict[str, object]) -> None:
    """Filtering the structural values again returns exactly the same values."""
    structural = STRUCTURE.structural(given_values)
    assert STRUCTURE.structural(dict(structural)) == structural


def test_values_that_add_no_fields_are_not_structural() -> None:
    """Texts, numbers, files and the workflow's own option add no fields."""
    form = wide_form(PAINTED)
    typed = {
        field.key: f"typed {field.key}" if field.type == "STRING" else field.default
        for field in form.fields
    }
    assert typed["8.model"] == "Small"
    assert STRUCTURE.structural(typed) == frozenset()


def test_options_and_further_files_are_structural() -> None:
    """A different option at any depth counts with its value. An additional file counts by its
    key."""
    found = STRUCTURE.structural(
        {
            "8.model": "Animated",
            "8.model.mode": "fast",
            "8.model.images.image_2.image": "a.png",
            "8.seed": 3,
        }
    )
    assert found == {
        ("8.model", "Animated"),
        ("8.model.mode", "fast"),
        ("8.model.images.image_2.image", None),
    }
