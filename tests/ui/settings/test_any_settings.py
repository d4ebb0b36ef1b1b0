"""Any arguments and variables give either settings or an error that repeats none of them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.distribution import examples
from ui.settings.arguments import read_settings, settings_type
from ui.settings.options import Settings

OPTIONS = [f"--{name.replace('_', '-')}" for name in settings_type().model_fields]
VARIABLES = [f"COMFYFORMS_{name.upper()}" for name in settings_type().model_fields]
MARK = "hunter2"  # part of every value in the tests below; no message may repeat it
VALUES = (
    st.tuples(st.text(max_size=20), st.text(max_size=20))
    .map(MARK.join)
    .map(lambda text: text.replace("\0", ""))
)
NEAR = st.sampled_from(
    [
        "",
        ":",
        ",",
        "=",
        "-",
        "--",
        "/",
        "[",
        "{",
        "%",
        "nan",
        "1e999",
        "*",
        "\ud800",
        "a:",
        "http://",
    ]
)


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(sorted(OPTIONS)), st.one_of(VALUES, NEAR)).map(list),
            st.tuples(st.sampled_from(sorted(OPTIONS)), VALUES).map(lambda pair: ["=".join(pair)]),
            st.tuples(st.one_of(VALUES, NEAR)).map(list),
            st.tuples(VALUES).map(lambda one: [f"--{one[0]}"]),
        ),
        max_size=4,
    )
)
def test_any_arguments_are_settings_or_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[list[str]]
) -> None:
    """The app accepts any input or refuses it with a sentence, and never repeats the input."""
    taken_or_refused([word for words in arguments for word in words], capsys)


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(sorted(VARIABLES)),
        st.one_of(VALUES, NEAR.filter("\ud800".__ne__)),
        max_size=4,
    )
)
def test_any_variables_are_settings_or_a_sentence(
    capsys: pytest.CaptureFixture[str], variables: dict[str, str]
) -> None:
    """The app treats variables in the same way as arguments."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value.encode(errors="replace").decode())
        taken_or_refused([], capsys)


def taken_or_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code: object = 0
    try:
        assert isinstance(read_settings(arguments), Settings)
    except SystemExit as ended:
        code = ended.code
    told = capsys.readouterr()
    assert MARK not in told.err + told.out
    assert (code, bool(told.err)) in ((0, False), (2, True))
    assert all(line.startswith("app.py: ") for line in told.err.splitlines())
