"""Outputs read as text for people and for models: within a budget, and with how the cell ended."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.outputs.events import ErrorOutput
from conkernelclient.outputs.result import Result
from conkernelclient.outputs.text import as_text, for_model
from tests.outputs.made import (
    error,
    folded,
    result_of,
    stream,
)
from tests.outputs.stored import DATA, TEXT, assert_readable, printed, raised, shown

SHOWN = folded(
    stream("10%\r100%\n"), stream("warn", "stderr"), result_of("42"), error("ZeroDivisionError")
).outputs


def test_text_is_what_a_terminal_would_show() -> None:
    """Streams as they are, values and tracebacks on lines of their own."""
    assert as_text(SHOWN) == "10%\r100%\nwarn\n42\n\x1b[31mT\x1b[0m\nb\n"


def test_text_for_a_model_has_no_colours_and_no_overwritten_text() -> None:
    """And names what is no text."""
    assert for_model(SHOWN) == "100%\nwarn\n42\nT\nb\nZeroDivisionError: v\n"
    image = {
        "output_type": "display_data",
        "data": {"image/png": "A" * 400, "text/plain": "<Figure>"},
        "metadata": {},
    }
    assert for_model([image]) == "<Figure>\n[image/png, 300 bytes]\n"
    strange = {"output_type": "display_data", "data": {"application/x": "abcd"}, "metadata": {}}
    assert for_model([strange]) == "[application/x, 3 bytes]\n"
    lines = {"output_type": "display_data", "data": {"text/plain": ["a\n", "b"]}, "metadata": {}}
    assert as_text([lines]) == "a\nb\n"
    assert as_text([{**image, "data": {}}]) == ""


NAMES = ("ValueError", "E", "KeyboardInterrupt", "SomeRatherLongNamedErrorOfALibrary")


OUTPUTS = st.lists(
    st.one_of(
        st.builds(printed, TEXT, st.sampled_from(["stdout", "stderr"])),
        st.builds(shown, DATA),
        st.builds(raised, st.sampled_from(NAMES), TEXT, traceback=st.booleans()),
    ),
    max_size=6,
)


@given(
    OUTPUTS,
    st.sampled_from(["ok", "error", "timeout", "aborted", "cancelled", "running"]),
    st.integers(100, 600),
    TEXT,
)
def test_any_outputs_are_within_any_budget_and_readable(
    outputs: list[Any], status: Any, budget: int, text: str
) -> None:
    """And the name of the last exception's type is there, and the status."""
    result = Result(
        status=status,
        msg_id="m",
        code="c",
        outputs=outputs,
        started=True,
        still_running=True,
        aborted_by=text,
        error=ErrorOutput("Raised", text, []) if status == "error" else None,
    )
    whole, short = result.to_llm(), result.to_llm(max_chars=budget)
    assert len(short) <= budget
    assert_readable(whole)
    assert_readable(short)
    assert (short == whole) == (len(whole) <= budget)
    raised = [output["ename"] for output in outputs if output["output_type"] == "error"]
    last = raised[-1] if raised else "Raised" if status == "error" else ""
    assert last in short
    if status not in ("ok", "error"):
        assert {"running": "still"}.get(status, {"timeout": "timed"}.get(status, status)) in short


@given(OUTPUTS, st.integers(-5, 100))
def test_the_smallest_budgets_are_kept_as_well(outputs: list[Any], budget: int) -> None:
    """Down to nothing at all."""
    result = Result(status="timeout", msg_id="m", code="c", outputs=outputs)
    assert len(result.to_llm(max_chars=budget)) <= max(0, budget)


@pytest.mark.parametrize("budget", [100, 120, 200, 1000, 5000])
@pytest.mark.parametrize("after", [0, 10_000])
def test_a_message_that_is_too_long_itself_is_cut_behind_its_types_name(
    budget: int, after: int
) -> None:
    """Whatever was printed before and after."""
    outputs = [printed("x" * 10_000), raised("ValueError", "z" * 10_000), printed("y" * after)]
    text = for_model(outputs, budget)
    assert len(text) <= budget
    assert re.search(r"^ValueError: z+…z+$", text, re.MULTILINE)


def test_the_last_line_of_an_exception_keeps_its_message_where_it_fits() -> None:
    """With the outputs cut before it, and the note of a timeout behind it."""
    result = Result(
        status="timeout",
        msg_id="m",
        code="c",
        started=True,
        outputs=[printed("line\n" * 1000), raised("KeyboardInterrupt", "")],
    )
    for budget in (100, 150, 300):
        text = result.to_llm(max_chars=budget)
        assert text.endswith("KeyboardInterrupt: \n[timed out]\n")
        assert text.startswith("line")


def test_an_exception_whose_outputs_are_not_there_is_told_all_the_same() -> None:
    """Some kernels tell it in the reply alone."""
    result = Result(
        status="error", msg_id="m", code="c", error=ErrorOutput("NameError", "no x", [])
    )
    assert result.to_llm() == "NameError: no x\n"
    result.outputs.append(printed("a"))
    assert result.to_llm() == "a\nNameError: no x\n"


def test_an_exception_that_its_traceback_does_not_name_is_named() -> None:
    """Kernels of other languages write what they like there."""
    output = {"output_type": "error", "ename": "Err", "evalue": "v", "traceback": ["oops"]}
    assert for_model([output]) == "oops\nErr: v\n"
