"""A result reads as text, tells how it stands, and raises what the code raised."""

from __future__ import annotations

import pytest

from conkernelclient import errors, events
from tests.outputs.made import (
    ended_as,
    folded,
    result_of,
    stream,
)


def test_a_result_reads_as_text_and_tells_its_status() -> None:
    """A model sees why there is nothing more."""
    good = ended_as(
        "ok", outputs=folded(stream("a\n"), stream("b", "stderr"), result_of("1")).outputs
    )
    assert good.ok
    assert (good.stdout, good.stderr, good.text) == ("a\n", "b", "a\nb\n1\n")
    assert good.data == {"text/plain": "1"}
    assert good.to_llm() == "a\nb\n1\n"
    assert ended_as("ok").data is None
    left = ended_as("timeout", started=True, still_running=True)
    assert "timed out, and the kernel is still busy" in left.to_llm()
    assert "timed out before it ran" in ended_as("timeout").to_llm()
    assert "aborted after E: x" in ended_as("aborted", aborted_by="E: x").to_llm()
    assert "cancelled before it ran" in ended_as("cancelled").to_llm()
    assert ended_as("cancelled", started=True).to_llm() == "\n[cancelled]\n"
    assert "still running" in ended_as("running").to_llm()
    long = ended_as("timeout", outputs=folded(stream("x" * 1000)).outputs)
    assert len(long.to_llm(max_chars=100)) <= 100
    assert "timed out" in long.to_llm(max_chars=100)


def test_raise_for_status_raises_what_the_code_raised() -> None:
    """Or says what else became of it; an ok result is itself."""
    good = ended_as("ok")
    assert good.raise_for_status() is good
    raised = ended_as("error", error=events.ErrorOutput("ValueError", "bad", ["t"]))
    with pytest.raises(errors.ExecutionError, match="ValueError: bad") as caught:
        raised.raise_for_status()
    assert (caught.value.ename, caught.value.traceback, caught.value.msg_id) == (
        "ValueError",
        ["t"],
        "m",
    )
    assert caught.value.result is raised
    with pytest.raises(errors.ConKernelError, match="did not run"):
        ended_as("aborted").raise_for_status()
    with pytest.raises(errors.ConKernelError, match="timed out"):
        ended_as("timeout", error=None).raise_for_status()


def test_a_models_text_names_code_and_no_ids() -> None:
    """Of the call that held the kernel its first line."""
    held = ended_as("timeout", held_by="id-1", held_by_code="\n  train(model)\nmore()\n")
    assert held.to_llm() == (
        "\n[timed out before it ran: an earlier call still runs: train(model)]\n"
    )
    assert [part.text for part in held.parts() if part.kind == "text"] == [held.to_llm().strip()]
    unknown = ended_as("timeout", held_by="id-1")
    assert unknown.to_llm() == "\n[timed out before it ran: an earlier call still runs]\n"
    with pytest.raises(errors.ReplyTimeout, match="run id-1 held the kernel"):
        held.raise_for_status()


def test_the_last_value_is_a_python_value_where_it_can_be_told() -> None:
    """None if there is none; text where it is no literal."""
    assert ended_as("ok").value is None
    assert ended_as("ok", outputs=folded(stream("5")).outputs).value is None
    for plain, value in (("[1, 'a']", [1, "a"]), ("array([1])", "array([1])")):
        assert ended_as("ok", outputs=folded(result_of(plain)).outputs).value == value


@pytest.mark.parametrize("first", ["widgets", "outputs"])
def test_outputs_and_widgets_may_be_read_later(first: str) -> None:
    """Whichever is asked for first."""
    late = ended_as("ok")
    late.read_later(folded(stream("a")))
    getattr(late, first)
    assert (late.widgets, late.to_llm()) == (None, "a")
