"""Every tool call gets an answer that a model can act on."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from conkernelclient.agent import KernelSession, ToolAnswer
from conkernelclient.agent.tools import handle
from conkernelclient.errors import ReplyTimeout, SessionError
from tests.agent.test_schema import JSON, KEYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="module")
async def session(anyio_backend: Any) -> AsyncIterator[KernelSession]:
    """One for the tests of this module."""
    async with KernelSession(max_chars=2000) as one:
        yield one


async def test_code_runs_by_an_object_and_by_json(session: KernelSession) -> None:
    """Its result is there for the program."""
    answer = await session.handle_tool_call("run", {"code": "x = 6\nprint('hi')\nx * 7"})
    assert (answer.text, answer.is_error) == ("hi\n42\n", False)
    assert answer.result is not None
    assert answer.result.status == "ok"
    assert (await session.handle_tool_call("run", '{"code": "x"}')).text == "6\n"


async def test_an_exception_is_no_error_of_the_tool(session: KernelSession) -> None:
    """The traceback is what the model asked for."""
    answer = await session.handle_tool_call("run", {"code": "1/0"})
    assert not answer.is_error
    assert answer.text.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "\x1b" not in answer.text


async def test_no_text_is_longer_than_it_may_be_and_none_is_empty(session: KernelSession) -> None:
    """Whatever the tool."""
    answer = await session.handle_tool_call("run", {"code": "print('x' * 10**7)"})
    assert len(answer.text) <= 2000
    many = "for n in range(2000): globals()[f'name_{n}'] = n"
    assert (await session.handle_tool_call("run", {"code": many})).text.startswith("[the code ran")
    assert len((await session.handle_tool_call("variables")).text) <= 2010
    await session.handle_tool_call("restart")


async def test_a_run_in_the_background_is_named_polled_and_interrupted(
    session: KernelSession,
) -> None:
    """By the id as models write it."""
    code = "import time\nprint('one', flush=True)\ntime.sleep(100)"
    answer = await session.handle_tool_call("run", {"code": code, "background": True})
    name = answer.text.split()[0]
    text = ""
    while "one" not in text:
        text = (await session.handle_tool_call("poll", {"run_id": name})).text
    again = await session.handle_tool_call("poll", {"run_id": f" {name.upper()} "})
    assert again.text.startswith(f"[{name} still runs")
    assert (await session.handle_tool_call("interrupt")).text == f"{name} was interrupted"
    assert (
        "KeyboardInterrupt"
        in (
            await session.handle_tool_call("poll", {"run_id": name.removeprefix("r"), "wait": 9})
        ).text
    )
    ended = await session.handle_tool_call("poll", {"run_id": name})
    assert name in ended.text or "KeyboardInterrupt" in ended.text
    over = await session.handle_tool_call("interrupt", {"run_id": name})
    assert over.text == f"{name} has ended already"
    assert (await session.handle_tool_call("interrupt")).text == "nothing runs"


async def test_an_interrupt_that_is_swallowed_is_an_error_that_names_the_way_out(
    session: KernelSession,
) -> None:
    """And restart is one."""
    code = (
        "import time\nwhile True:\n  try:\n    print('in', flush=True)\n    time.sleep(99)\n"
        "  except KeyboardInterrupt: pass"
    )
    await session.handle_tool_call("run", {"code": code, "background": True})
    text = ""
    while "in\n" not in text:
        text = (await session.handle_tool_call("poll", {"run_id": list(session.runs)[-1]})).text
    answer = await session.handle_tool_call("interrupt", "")
    assert answer.is_error
    assert "restart ends it" in answer.text
    assert "fresh kernel" in (await session.handle_tool_call("restart", None)).text
    assert (await session.handle_tool_call("run", {"code": "2"})).text.startswith("2\n")


async def test_a_crash_is_an_error_with_the_consequence(session: KernelSession) -> None:
    """The model has to define its variables anew."""
    answer = await session.handle_tool_call("run", {"code": "import os; os._exit(5)"})
    assert answer.is_error
    assert "exit status 5" in answer.text
    assert "all variables are gone" in answer.text


async def test_a_run_that_is_unknown_is_told_with_those_that_are_known(
    session: KernelSession,
) -> None:
    """The last ten."""
    await session.handle_tool_call("run", {"code": "1"})
    answer = await session.handle_tool_call("poll", {"run_id": "zzz"})
    assert answer.is_error
    assert 'no run "zzz"; there are' in answer.text


async def test_variables_are_listed_with_their_types(session: KernelSession) -> None:
    """None are as well."""
    await session.handle_tool_call("restart")
    assert (await session.handle_tool_call("variables")).text == "there are no variables"
    await session.handle_tool_call("run", {"code": "a, b = 1, 'x'"})
    assert (await session.handle_tool_call("variables")).text == "a: int\nb: str"


async def test_a_session_that_is_closed_answers(session: KernelSession) -> None:
    """Each tool says so."""
    closed = KernelSession()
    for name, arguments in (("run", {"code": "1"}), ("restart", {}), ("variables", {})):
        answer = await closed.handle_tool_call(name, arguments)
        assert answer.is_error
        assert "not open" in answer.text


class Broken:
    """A session of which nothing works."""

    max_chars = 100
    current = None

    def __init__(self, error: Exception) -> None:
        self.runs: dict[str, Any] = {}
        self.error = error

    async def run(self, code: str, *, timeout: float | None = 1) -> Any:
        """Fail."""
        raise self.error

    async def restart(self) -> Any:
        """Fail."""
        raise self.error

    variables = restart

    async def interrupt(self, run_id: str | None = None) -> Any:
        """Fail."""
        raise self.error

    def start(self, code: str, *, timeout: float | None = 1) -> Any:
        """Fail."""
        raise self.error


@given(
    st.sampled_from(["run", "poll", "interrupt", "variables", "restart", "x", None, 5]),
    JSON | st.dictionaries(KEYS, JSON, max_size=4) | st.text(),
)
async def test_rubbish_gets_an_answer(name: Any, arguments: Any) -> None:
    """No call raises, and the answer is JSON."""
    for error in (SessionError("closed"), ReplyTimeout("run 5 timed out; use km.x()", msg_id="m5")):
        broken: Any = Broken(error)
        answer = await handle(broken, name, arguments)
        assert answer.text
        assert "m5" not in answer.text
        assert "km." not in answer.text
        json.dumps([answer.for_anthropic("id"), answer.for_openai("id")])


def test_answers_have_the_forms_of_both_makers() -> None:
    """As they document them."""
    answer = ToolAnswer("text", is_error=True)
    assert answer.for_anthropic("a") == {
        "type": "tool_result",
        "tool_use_id": "a",
        "content": [{"type": "text", "text": "text"}],
        "is_error": True,
    }
    assert answer.for_openai("b") == {"role": "tool", "tool_call_id": "b", "content": "text"}


PLOTS = """
from PIL import Image
print("before")
display(Image.new("L", (3000, 20)))
print("after" * 2000)
1/0
"""


async def test_images_reach_a_model_that_sees(session: KernelSession) -> None:
    """Scaled down, between the texts around them, and all text is within the budget."""
    answer = await session.handle_tool_call("run", {"code": PLOTS})
    assert [part.kind for part in answer.parts] == ["text", "image", "text", "error"]
    content = answer.for_anthropic("a")["content"]
    assert [block["type"] for block in content] == ["text", "image", "text", "text"]
    picture = Image.open(io.BytesIO(base64.b64decode(content[1]["source"]["data"])))
    assert max(picture.size) == 1568
    assert len(answer.text) <= 2000
    assert answer.text.splitlines()[0] == "before"
    assert answer.text.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "image/png, 3000x20" in answer.text


async def test_each_of_openais_forms_has_the_images(session: KernelSession) -> None:
    """In the answer itself, or in a user's message behind it where an answer is text alone."""
    answer = await session.handle_tool_call("run", {"code": "display(Image.new('L', (3, 2)))"})
    output = answer.for_openai("b", "responses")
    assert (output["type"], output["call_id"]) == ("function_call_output", "b")
    assert [block["type"] for block in output["output"]] == ["input_image"]
    assert "image/png, 3x2" in answer.for_openai("b")["content"]
    (block,) = answer.images_for_openai()
    assert block["image_url"]["url"].startswith("data:image/png;base64,")
    plain = await session.handle_tool_call("run", {"code": "1"})
    assert plain.images_for_openai() == []
    assert plain.for_openai("c", "responses")["output"] == [{"type": "input_text", "text": "1\n"}]
    with pytest.raises(ValueError, match='"chat" or "responses"'):
        plain.for_openai("c", "both")  # pyright: ignore[reportArgumentType]


async def test_a_loop_without_sight_gets_a_line_or_a_file() -> None:
    """As the session was made; an unknown word is told at once."""
    with pytest.raises(ValueError, match='"inline", "path" or "none"'):
        KernelSession(images="all")  # pyright: ignore[reportArgumentType]
    for images in ("none", "path"):
        async with KernelSession(images=images) as one:
            answer = await one.handle_tool_call("run", {"code": PLOTS})
        assert "image" not in {block["type"] for block in answer.for_anthropic("a")["content"]}
        assert answer.images_for_openai() == []
        (line,) = [line for line in answer.text.splitlines() if "image/png" in line]
        (path,) = re.findall(r": (/.*\.png)\]", line) or [None]
        assert (path is None) == (images == "none")
        if path is not None:
            with Image.open(path) as written:
                assert written.size == (3000, 20)
