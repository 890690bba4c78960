"""Every tool call gets an answer that a model can act on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from conkernelclient.agent.mcp.handlers import Handlers
from conkernelclient.agent.mcp.kernels import Kernels, Settings
from conkernelclient.agent.mcp.menu import ENTRIES
from conkernelclient.errors import DeadKernelError
from tests.agent.mcp.parts import text_of
from tests.agent.test_schema import JSON
from tests.clients import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SETTINGS = Settings(has_all_tools=True, max_chars=2000, timeout=30)


class Model:
    """Calls tools."""

    def __init__(self) -> None:
        self.kernels = Kernels(SETTINGS)
        self.handlers = Handlers(SETTINGS)
        self.heard: list[str] = []

    async def report(self, _seconds: float, line: str) -> None:
        self.heard.append(line.partition(": ")[2])

    async def call(self, tool: str, /, **arguments: Any) -> Any:
        """The answer, which fits the tool's schema."""
        answer = await self.handlers.call(self.kernels, tool, arguments, self.report)
        if not answer.is_error:
            Draft202012Validator(dict(ENTRIES[tool].gives)).validate(answer.structured_content)
        return answer


@pytest.fixture(scope="module")
async def model(anyio_backend: Any) -> AsyncIterator[Model]:
    """One with its kernels, for the tests of this module."""
    one = Model()
    yield one
    await one.kernels.close()


async def test_a_run_that_takes_longer_is_polled_to_its_end(model: Model, tmp_path: Any) -> None:
    """What has come until then is there at once, with the id; each poll has what is new."""
    gate = tmp_path / "gate"
    code = (
        "import pathlib, time\nprint('one', flush=True)\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
        "print('two', flush=True)\n6 * 7"
    )
    answer = await model.call("run", code=code, timeout=0.3)
    run_id = answer.structured_content["run_id"]
    assert (answer.structured_content["status"], answer.is_error) == ("running", False)
    text = text_of(answer)
    while "one" not in text:
        text = text_of(await model.call("poll", run_id=run_id, wait=0.1))
    assert text.startswith(f"one\n[{run_id} still runs, ")
    assert text_of(await model.call("poll", run_id=run_id)).startswith(f"[{run_id} still runs")
    model.heard.clear()
    poll = asyncio.create_task(model.call("poll", run_id=run_id, wait=30))
    await asyncio.sleep(0)
    gate.touch()
    ended = await poll
    assert (text_of(ended), ended.structured_content["status"]) == ("two\n42", "ok")
    assert model.heard[-1] == "42"
    again = await model.call("poll", run_id=run_id)
    assert text_of(again) == f"[{run_id} has ended and showed nothing more]"


async def test_an_exception_is_content(model: Model) -> None:
    """The structured content names it."""
    answer = await model.call("run", code="1 / 0")
    assert text_of(answer).endswith("ZeroDivisionError: division by zero")
    assert answer.structured_content["error"]["name"] == "ZeroDivisionError"
    assert (answer.structured_content["status"], answer.is_error) == ("error", False)


async def test_input_gets_none(model: Model) -> None:
    """One line, and no waiting."""
    answer = await model.call("run", code="input('name? ')")
    assert "input() has no answer here" in text_of(answer)


async def test_variables_are_listed_and_looked_into(model: Model) -> None:
    """What is not there is an error that says so."""
    await model.call("run", code="numbers = [1, 2]")
    listed = await model.call("variables")
    assert listed.structured_content["variables"]["numbers"] == "list"
    found = await model.call("inspect", name="numbers")
    assert (found.structured_content["type"], text_of(found)[-6:]) == ("list", "[1, 2]")
    for name, said in (("nothing", "NameError"), ("7 x", "'7 x'")):
        answer = await model.call("inspect", name=name)
        assert answer.is_error
        assert said in text_of(answer)


async def test_many_variables_are_cut(model: Model) -> None:
    """In the text and in the facts, which say so."""
    await model.call("run", code="for n in range(600): globals()[f'v{n}'] = n", kernel="many")
    answer = await model.call("variables", kernel="many")
    assert len(text_of(answer)) < 2020
    assert len(answer.structured_content["variables"]) == 500
    assert answer.structured_content["left_out"] > 0
    await model.call("shutdown", kernel="many")


async def test_a_background_run_is_interrupted_by_its_id(model: Model) -> None:
    """And one that has ended, or is none, says so."""
    answer = await model.call("run", code="import time; time.sleep(99)", background=True)
    run_id = answer.structured_content["run_id"]
    assert answer.structured_content["still_running"]
    handle = model.kernels.handles["default"]
    await until(lambda: handle.session.runs[run_id].so_far().started)
    assert f"runs {run_id} (import time" in text_of(await model.call("kernels"))
    assert text_of(await model.call("interrupt")) == f"{run_id} was interrupted"
    assert text_of(await model.call("interrupt", run_id=run_id)) == f"{run_id} has ended already"
    assert text_of(await model.call("interrupt")) == "nothing runs"
    assert "KeyboardInterrupt" in text_of(await model.call("poll", run_id=run_id))
    missing = await model.call("poll", run_id="r99")
    assert (missing.is_error, text_of(missing)[:21]) == (True, 'there is no run "r99"')


async def test_a_kernel_that_ends_is_told_and_replaced(model: Model) -> None:
    """The call that was hit is an error of the tool; the next one runs in a fresh kernel."""
    lost = await model.call("run", code="x = 1\nimport os; os.kill(os.getpid(), 9)")
    assert lost.is_error
    assert "SIGKILL" in text_of(lost)
    assert "the next call gets a fresh kernel" in text_of(lost)
    assert lost.structured_content["restarted"]
    fresh = await model.call("run", code="'x' in globals()")
    assert text_of(fresh).startswith("False\n[this ran in a fresh kernel")
    assert fresh.structured_content["restarted"]
    assert not (await model.call("run", code="1")).structured_content["restarted"]


async def test_a_restart_begins_anew(model: Model) -> None:
    """With the tool's own word for it."""
    await model.call("run", code="x = 1")
    answer = await model.call("restart")
    assert text_of(answer) == "a fresh kernel is there; all variables of before are gone"
    listed = await model.call("variables")
    assert "x" not in listed.structured_content["variables"]


async def test_kernels_are_started_listed_and_ended(model: Model) -> None:
    """What cannot be started says what can."""
    started = await model.call("start", kernel="b", kernelspec="python3")
    assert text_of(started) == "the kernel 'b' (python3) is there now"
    assert text_of(await model.call("start", kernel="b")).endswith("is there already")
    listed = await model.call("kernels")
    assert "b: python3, idle" in text_of(listed)
    assert "python3" in listed.structured_content["kernelspecs"]
    assert text_of(await model.call("shutdown", kernel="b")) == "the kernel 'b' is ended"
    assert text_of(await model.call("shutdown", kernel="b")) == "there is no kernel 'b'"
    wrong = await model.call("start", kernel="c", kernelspec="nope")
    assert wrong.is_error
    assert "there is no kernel 'nope'; there are" in text_of(wrong)
    nowhere = await model.call("poll", kernel="c", run_id="r1")
    assert text_of(nowhere) == "there is no kernel 'c'; there are: default"
    assert text_of(await model.call("interrupt", kernel="c")) == "nothing runs"


async def test_who_waits_for_a_kernel_that_is_ended_can_begin_anew(model: Model) -> None:
    """The one that runs, the one that waits for its turn, and the one that waits for the start."""
    code = "import time\nprint('begun', flush=True)\ntime.sleep(99)"
    starting = asyncio.create_task(model.call("variables", kernel="d"))
    await until(lambda: "d" in model.kernels.handles)
    await model.call("shutdown", kernel="d")
    running = asyncio.create_task(model.call("run", code=code, kernel="d"))
    await until(lambda: "begun" in model.heard)
    waiting = asyncio.create_task(model.call("run", code="1", kernel="d"))
    session = model.kernels.handles["d"].session
    await until(lambda: len(session.runs) == 2)
    await model.call("shutdown", kernel="d")
    end = "the kernel 'd' was ended meanwhile; the next use of its name starts a fresh one"
    assert text_of(await starting) == end
    hit = await running
    assert (hit.is_error, text_of(hit)[:30]) == (True, "begun\n[all variables are gone;")
    assert text_of(await waiting) == f"[{end}]"
    assert text_of(await model.call("run", code="1", kernel="d")) == "1"
    await model.call("shutdown", kernel="d")


async def test_a_kernel_that_gives_no_answer_is_said_so(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do."""

    async def fail(*_args: Any) -> Any:
        raise DeadKernelError("gone")

    monkeypatch.setattr("conkernelclient.agent.session.KernelSession.variables", fail)
    answer = await model.call("variables")
    assert (answer.is_error, "restart it" in text_of(answer)) == (True, True)


@given(
    st.sampled_from(list(ENTRIES)) | st.text(),
    st.dictionaries(
        st.sampled_from(["code", "timeout", "kernel", "run_id", "wait", "name"]) | st.text(), JSON
    )
    | JSON,
)
async def test_any_arguments_are_answered(tool: str, arguments: Any) -> None:
    """Of a client that may have no kernel at all: none is an error of the server."""
    settings = Settings(max_kernels=0)
    answer = await Handlers(settings).call(Kernels(settings), tool, arguments, Model().report)
    assert text_of(answer)
