"""Arguments that do not fit are told in words that say what to send."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.agent.schema import TOOLS, Misfit, fitting, schema_in, schema_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
KEYS = st.sampled_from(["code", "timeout", "background", "run_id", "wait", "other"])


def test_both_forms_name_the_same_tools() -> None:
    """As each maker of models documents it; all of it is JSON."""
    ours, theirs = schema_in("anthropic"), schema_in("openai")
    json.dumps([ours, theirs], allow_nan=False)
    assert [tool["name"] for tool in ours] == list(TOOLS)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.keys() == {"name", "description", "input_schema"}
        assert other["type"] == "function"
        assert other["function"]["name"] == mine["name"]
        assert other["function"]["parameters"] == mine["input_schema"]
        assert set(mine["input_schema"]["required"]) <= mine["input_schema"]["properties"].keys()


def test_a_form_that_is_unknown_is_refused() -> None:
    """The program wrote it: an exception."""
    with pytest.raises(ValueError, match="anthropic, openai"):
        schema_in("other")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "arguments", "fits"),
    [
        ("run", {"code": "x"}, {"code": "x"}),
        ("run", '{"code": "x", "timeout": 5}', {"code": "x", "timeout": 5}),
        (
            "run",
            {"code": "", "timeout": None, "background": False},
            {"code": "", "background": False},
        ),
        ("restart", None, {}),
        ("restart", "", {}),
        ("variables", b" {} ", {}),
    ],
)
def test_arguments_that_fit(name: str, arguments: Any, fits: dict[str, Any]) -> None:
    """An object or its JSON text; null where nothing need be given is nothing."""
    assert fitting(name, arguments) == fits


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("walk", {}, "there is no tool 'walk'; there are run, poll"),
        (None, {}, "there is no tool None"),
        ("run", {}, "needs the argument 'code', a text"),
        ("run", {"code": None}, "code of run must be a text, not None"),
        ("run", {"code": 5}, "code of run must be a text, not 5"),
        ("run", {"code": "x", "tmeout": 1}, "no argument 'tmeout'; it takes code, timeout"),
        ("run", {"code": "x", "timeout": "5"}, "timeout of run must be a number, not '5'"),
        ("run", {"code": "x", "timeout": True}, "must be a number, not True"),
        ("run", {"code": "x", "timeout": -1}, "a number of seconds, at least 0, not -1"),
        ("run", '{"code": "x", "timeout": NaN}', "not nan"),
        ("run", {"code": "x", "timeout": 10**400}, "must be a number of seconds"),
        ("run", {"code": "x", "background": 1}, "true or false, not 1"),
        ("poll", {"run_id": "r1", "wait": 601}, "at most 600, not 601"),
        ("restart", {"now": True}, "it takes none"),
        ("run", "{", "are no JSON"),
        ("run", "[" * 100_000, "are no JSON"),
        ("run", [1], r"must be a JSON object, not \[1\]"),
        ("run", "x" * 1000, "are no JSON"),
    ],
)
def test_arguments_that_do_not_fit_are_told_in_one_line(
    name: Any, arguments: Any, said: str
) -> None:
    """Which names what to send instead."""
    with pytest.raises(Misfit, match=said) as caught:
        fitting(name, arguments)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@given(
    st.sampled_from([*TOOLS, "other"]),
    JSON | st.dictionaries(KEYS, JSON, max_size=4) | st.text() | st.binary(),
)
def test_rubbish_fits_or_is_told(name: str, arguments: Any) -> None:
    """No other exception comes."""
    fits: dict[str, Any] = {}
    with contextlib.suppress(Misfit):
        fits = fitting(name, arguments)
    assert not fits or fits.keys() <= TOOLS[name][1].keys()


def test_other_tools_are_read_the_same_way() -> None:
    """A server has its own."""
    tools: Any = {"look": ("Look.", {"at": {"type": "string"}}, ("at",))}
    assert fitting("look", {"at": "x"}, tools) == {"at": "x"}
    with pytest.raises(Misfit, match="there is no tool 'run'; there are look"):
        fitting("run", {"code": "1"}, tools)
    assert schema_of(*tools["look"][1:])["required"] == ["at"]
