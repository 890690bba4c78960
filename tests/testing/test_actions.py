"""A fake kernel does what its script says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from conkernelclient.testing import (
    Ask,
    Publish,
    Raise,
    Reply,
    Say,
    Show,
    Silence,
    Value,
    echo,
)
from tests.clients import LONG
from tests.testing.fakes import fake, raw_messages

if TYPE_CHECKING:
    from collections.abc import Iterator


async def test_a_script_s_outputs_are_those_of_the_run() -> None:
    """Each action is the message that its docstring names."""
    script = [
        Say("out"),
        Say("bad", "stderr"),
        Show({"text/html": "<b>"}, {"m": 1}, display_id="d"),
        Show("new", display_id="d", is_update=True),
        Publish("clear_output", {"wait": True}),
        Value("42"),
    ]
    async with fake() as (kernel, kc):
        kernel.on_code("all", script)
        published = await raw_messages(kc, kc.execute("all"))
        assert [kind for kind, _ in published[2:-1]] == [
            "stream",
            "stream",
            "display_data",
            "update_display_data",
            "clear_output",
            "execute_result",
        ]
        assert published[4][1]["transient"] == {"display_id": "d"}
        assert published[5][1]["data"] == {"text/plain": "new"}
        assert published[7][1] == {
            "data": {"text/plain": "42"},
            "metadata": {},
            "execution_count": 1,
        }
        kernel.on_code("few", [Say("a"), Value({"text/plain": "1"})])
        result = await kc.run("few")
        assert (result.status, result.text) == ("ok", "a\n1\n")


async def test_an_error_is_shown_and_replied() -> None:
    """By an action, and by a script that raises as the cell's code would."""

    def code(request: Any) -> Iterator[Any]:
        yield Say("before")
        raise ValueError(request["content"]["code"])

    def broken(request: Any) -> Any:
        raise KeyError("at once")

    async with fake() as (kernel, kc):
        kernel.on_code("raise", [Raise("ZeroDivisionError", "zero", ["a", "b"]), Say("never")])
        kernel.on_code("code", code)
        kernel.on_code("broken", broken)
        result = await kc.run("raise")
        assert result.error is not None
        assert (result.error.ename, result.error.traceback) == ("ZeroDivisionError", ["a", "b"])
        assert result.stdout == ""
        result = await kc.run("code")
        assert (result.stdout, result.error and result.error.evalue) == ("before", "code")
        result = await kc.run("broken")
        assert result.error is not None
        assert result.error.ename == "KeyError"


async def test_the_script_is_that_of_the_code_the_pattern_or_the_kernel() -> None:
    """Exactly the code, or a pattern found in it; the last one given; else the kernel's."""
    async with fake(echo) as (kernel, kc):
        kernel.on_code(re.compile("^long"), [Say("pattern")])
        kernel.on_code("long one()", [Say("exact")])
        assert (await kc.run("long one()")).stdout == "exact"
        assert (await kc.run("long two()")).stdout == "pattern"
        assert (await kc.run("other")).stdout == "other"
        kernel.on_code(re.compile("two"), [Say("later")])
        assert (await kc.run("long two()")).stdout == "later"


async def test_a_generator_asks_and_gets_the_answer() -> None:
    """The end of the file is an EOFError, and a client without stdin an error as in ipykernel."""
    asked = []

    def dialogue(request: Any) -> Iterator[Any]:
        first = yield Ask("name? ")
        second = yield Ask("secret? ", password=True)
        try:
            yield Ask("more? ")
        except EOFError:
            yield Say(f"{first} {second}")

    answers = {"name? ": "ann", "secret? ": "s", "more? ": "\x04"}

    def answer(question: Any) -> str:
        asked.append((question.prompt, question.password))
        return answers[question.prompt]

    async with fake() as (kernel, kc):
        kernel.on_code("ask", dialogue)
        result = await kc.run("ask", on_stdin=answer)
        assert result.stdout == "ann s"
        assert asked == [("name? ", False), ("secret? ", True), ("more? ", False)]
        result = await kc.run("ask")
        assert result.error is not None
        assert result.error.ename == "StdinNotImplementedError"


async def test_an_answer_by_hand_goes_to_the_cell_that_asked() -> None:
    """As jupyter_client's `input` sends it, without a parent."""
    async with fake() as (kernel, kc):
        kernel.on_code("ask", lambda _: iter([Ask("?"), Say("through")]))
        reply = kc.execute("ask", allow_stdin=True, reply=True)
        question = await kc.get_stdin_msg(timeout=LONG)
        assert question["content"]["prompt"] == "?"
        kc.session.send(kc.stdin_channel.socket, "input_reply", {"value": "by hand"})
        assert (await reply)["content"]["status"] == "ok"


async def test_the_reply_comes_where_the_script_says_and_only_once() -> None:
    """What follows it is published before idle; its content is laid over the default one."""
    async with fake() as (kernel, kc):
        kernel.on_code("early", [Reply({"payload": [1]}), Say("after"), Reply({"payload": [2]})])
        result = await kc.run("early")
        assert result.reply is not None
        assert result.reply["content"]["payload"] == [1]
        assert (result.stdout, result.status) == ("after", "ok")
        kernel.on("complete_request", [Reply({"matches": ["a"]}, {"m": 1}, [b"raw"])])
        reply = await kc.complete("x", 1, reply=True)
        assert reply["content"]["matches"] == ["a"]
        assert (reply["content"]["cursor_end"], reply["metadata"]) == (1, {"m": 1})
        assert [bytes(buffer) for buffer in reply["buffers"]] == [b"raw"]
        kernel.on("strange_request", [Reply({"answer": 42})])
        assert (await kc.request("strange_request", {}))["content"]["answer"] == 42
        kernel.on("inspect_request", [Raise("RuntimeError", "no")])
        assert (await kc.inspect("x", reply=True))["content"]["evalue"] == "no"


async def test_silence_is_no_reply_with_or_without_idle() -> None:
    """The shell goes on with the next request."""
    async with fake() as (kernel, kc):
        kernel.on_code("mute", [Silence()])
        kernel.on_code("stuck", [Silence(is_idle=False)])
        with pytest.raises(errors.ReplyTimeout):
            await kc.execute("mute", reply=True, timeout=0.01)
        mute, stuck = kc.execute("mute"), kc.execute("stuck")
        assert (await kc.execute("next", reply=True))["content"]["status"] == "ok"
        assert [kind for kind, _ in await raw_messages(kc, mute)][-1] == "status"
        with pytest.raises(errors.ReplyTimeout):
            await kc.get_pubs(stuck, timeout=0.01)
