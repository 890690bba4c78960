"""What the shell keeps about a cell is the cell's own."""

from __future__ import annotations

import ast
import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.kernel import shell, stopper
from tests.clients import LONG, client_of

from .conftest import begun, cancelled, ended, raw, value_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager

MODES = ("queue", "task", "thread")
MEET = "met.add({0})\nwhile len(met) < 2: await asyncio.sleep(0.001)\n"


async def both(kc: Any, code: str, mode: str) -> list[Any]:
    """The results of two cells that end when both have begun; {0} is 0 in one, 1 in the other."""
    await raw(kc, "import asyncio; met = set()")
    codes = [MEET.format(i) + code.replace("{0}", str(i)) for i in range(2)]
    return await ended(*[kc.run(it, metadata={"run_mode": mode}) for it in codes])


@pytest.mark.parametrize("mode", ["task", "thread"])
async def test_each_cell_has_its_own_value_and_count(km: ConKernelManager, mode: str) -> None:
    """Also `_` and `Out` have each of them in the end."""
    async with client_of(km, window=None) as kc:
        results = await both(kc, "'value {0}'", mode)
        assert [it.data["text/plain"] for it in results] == ["'value 0'", "'value 1'"]
        counts = [it.execution_count for it in results]
        assert len(set(counts)) == 2
        out = await value_of(kc, f"[Out[{counts[0]}], Out[{counts[1]}]]")
        assert out == "['value 0', 'value 1']"


@pytest.mark.parametrize("mode", ["task", "thread"])
async def test_each_cell_has_its_own_displays(km: ConKernelManager, mode: str) -> None:
    """Displays, updates of them by id, and what clears them."""
    code = (
        "from IPython.display import display, clear_output\n"
        "h{0} = display('old {0}', display_id=True)\nh{0}.update('new {0}')\n"
        "print('gone'); clear_output(); display('last {0}')"
    )
    async with client_of(km, window=None) as kc:
        results = await both(kc, code, mode)
    for i, result in enumerate(results):
        texts = [it["data"]["text/plain"] for it in result.outputs]
        assert texts == [f"'last {i}'"]


async def test_an_update_reaches_the_display_of_an_earlier_cell(km: ConKernelManager) -> None:
    """By its id."""
    updates: list[Any] = []
    async with client_of(km) as kc:
        subscription = kc.subscribe(updates.append, msg_type="update_display_data")
        await raw(kc, "h = display('old', display_id='mine')")
        await raw(kc, "h.update('new')", run_mode="thread")
        await raw(kc, "1")
        subscription.close()
    assert [it["content"]["transient"]["display_id"] for it in updates] == ["mine"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_semicolon_hides_the_value_of_its_cell_alone(
    km: ConKernelManager, mode: str
) -> None:
    """One in a string hides nothing."""
    async with client_of(km) as kc:
        assert (await raw(kc, "1;", run_mode=mode)).outputs == []
        assert await value_of(kc, "1 # ;", run_mode=mode) == "1"
        assert await value_of(kc, "';'", run_mode=mode) == "';'"


async def test_an_error_is_formatted_once_and_kept_as_it_was_shown(km: ConKernelManager) -> None:
    """IPython formats each a second time, for `%notebook`: half of what an error costs."""
    spy = (
        "tb, calls = get_ipython().InteractiveTB, []\n"
        "tb.structured_traceback = lambda *a, _f=tb.structured_traceback, **o: "
        "(calls.append(a[0].__name__), _f(*a, **o))[1]"
    )
    async with client_of(km) as kc:
        await raw(kc, spy)
        failed = await raw(kc, "1/0")
        assert await value_of(kc, "calls") == "['ZeroDivisionError']"
        await raw(kc, "del tb.structured_traceback")
        kept = await value_of(
            kc, f"get_ipython().history_manager.exceptions[{failed.execution_count}]['traceback']"
        )
    assert failed.error is not None
    assert kept is not None
    assert ast.literal_eval(kept) == list(failed.error.traceback)


async def test_the_first_interrupt_finds_the_source_of_its_traceback_read(
    km: ConKernelManager,
) -> None:
    """To read all of asyncio's tasks takes 0.1 s of CPU, and longer amid other work."""
    code = (
        "import asyncio.tasks, linecache, threading\n"
        "warming = threading.Thread(target=get_ipython().warm_up)\n"
        "warming.start(); warming.join()\n"
        "asyncio.tasks.__file__ in linecache.cache"
    )
    async with client_of(km) as kc:
        assert await value_of(kc, code) == "True"


@pytest.mark.parametrize("mode", ["task", "thread"])
async def test_each_cell_has_its_own_traceback(km: ConKernelManager, mode: str) -> None:
    """In its reply, and as its output."""
    async with client_of(km, window=None) as kc:
        results = await both(kc, "raise ValueError('error {0}')", mode)
    for i, result in enumerate(results):
        assert (result.error.ename, result.error.evalue) == ("ValueError", f"error {i}")
        assert f"error {i}" in "".join(result.reply["content"]["traceback"])
        assert f"error {1 - i}" not in "".join(result.reply["content"]["traceback"])


@pytest.mark.parametrize("mode", ["task", "thread"])
async def test_each_cell_has_its_own_payloads(km: ConKernelManager, mode: str) -> None:
    """What it sets as the next input stands in its reply."""
    async with client_of(km, window=None) as kc:
        results = await both(kc, "get_ipython().set_next_input('next {0}')", mode)
        payloads = [it.reply["content"]["payload"] for it in results]
        assert [[one["text"] for one in it] for it in payloads] == [["next 0"], ["next 1"]]
        assert (await raw(kc, "1")).reply["content"]["payload"] == []


@pytest.mark.parametrize("mode", MODES)
async def test_get_parent_gives_the_cell_s_own_message(km: ConKernelManager, mode: str) -> None:
    """Of the kernel, of the shell, of the streams; in a thread that the cell started as well."""
    code = """
import threading, sys
ip = get_ipython(); ids = []
def look():
    ids.append(ip.kernel.get_parent()['header']['msg_id'])
    ids.append(ip.get_parent()['header']['msg_id'])
    ids.append(ip.parent_header['msg_id'])
    ids.append(sys.stdout.parent_header['msg_id'])
look(); t = threading.Thread(target=look); t.start(); t.join()
len(ids), set(ids)
"""
    async with client_of(km) as kc:
        run = kc.run(code, metadata={"run_mode": mode})
        (result,) = await ended(run)
    assert result.data["text/plain"] == f"(8, {{'{run.msg_id}'}})"


@pytest.mark.parametrize("mode", MODES)
async def test_capture_with_a_body_that_awaits_captures_it(km: ConKernelManager, mode: str) -> None:
    """And its displays and its value; the cell itself shows nothing."""
    body = "%%capture got\nimport asyncio\nprint('a')\nawait asyncio.sleep(0)\ndisplay(1)\n5"
    async with client_of(km) as kc:
        assert (await raw(kc, body, run_mode=mode)).outputs == []
        value = await value_of(kc, "got.stdout, [o.data['text/plain'] for o in got.outputs]")
    assert value == "('a\\n', ['1', '5'])"


async def test_captures_of_two_cells_are_each_its_own(km: ConKernelManager) -> None:
    """They await at the same time."""
    code = "%%capture got{0}\nprint({0})\nmet.add({0})\nwhile len(met) < 2: await asyncio.sleep(0)"
    async with client_of(km, window=None) as kc:
        for mode in ("task", "thread"):
            await raw(kc, "import asyncio; met = set()")
            meta = {"run_mode": mode}
            results = await ended(*[kc.run(code.format(i), metadata=meta) for i in (0, 1)])
            assert [it.outputs for it in results] == [[], []]
            assert await value_of(kc, "got0.stdout, got1.stdout") == "('0\\n', '1\\n')"


async def test_capture_of_a_body_that_does_not_await_is_as_ever(km: ConKernelManager) -> None:
    """With its options."""
    async with client_of(km) as kc:
        result = await raw(kc, "%%capture --no-stdout got\nprint('out')\ndisplay(1)")
        assert (result.stdout, len(result.outputs)) == ("out\n", 1)
        assert await value_of(kc, "len(got.outputs)") == "1"
        result = await raw(kc, "%%capture --no-stdout got\nprint('out')\nawait f()")
        assert (result.stdout, result.error.ename) == ("out\n", "NameError")


async def test_time_with_a_body_that_awaits_tells_the_time_and_gives_the_value(
    km: ConKernelManager,
) -> None:
    """Also around another magic."""
    async with client_of(km) as kc:
        result = await raw(kc, "%%time\nimport asyncio\nawait asyncio.sleep(0.01)\n6 * 7")
        assert result.data["text/plain"] == "42"
        assert "Wall time" in result.stdout
        result = await raw(kc, "%%time\n%%capture got\nprint('in')\nawait asyncio.sleep(0)")
        assert "Wall time" in result.stdout
        assert await value_of(kc, "got.stdout") == "'in\\n'"


async def test_a_magic_that_is_a_coroutine_function_is_awaited(km: ConKernelManager) -> None:
    """Its value is the cell's."""
    code = (
        "from IPython.core.magic import register_cell_magic\nimport asyncio\n"
        "@register_cell_magic\nasync def later(line, cell):\n  await asyncio.sleep(0)\n"
        "  return line, cell"
    )
    async with client_of(km) as kc:
        await raw(kc, code)
        assert await value_of(kc, "%%later a b\nbody") == "('a b', 'body\\n')"


async def test_a_magic_whose_body_awaits_can_be_stopped(km: ConKernelManager) -> None:
    """And fails as its body does."""
    async with client_of(km) as kc:
        await raw(kc, "begun = False", run_mode="thread")
        run = kc.run("%%capture got\nimport asyncio\nbegun = True\nawait asyncio.sleep(60)")
        await raw(kc, "import time\nwhile not begun: time.sleep(0.001)", run_mode="thread")
        await cancelled(kc, run)
        (result,) = await ended(run)
        assert (result.status, result.error.ename) == ("error", "KeyboardInterrupt")
        result = await raw(kc, "%%capture\nawait asyncio.sleep(0)\n1/0")
        assert (result.status, result.error.ename) == ("error", "ZeroDivisionError")
        assert "1/0" in result.text or "1" in result.text


@pytest.mark.parametrize("mode", MODES)
async def test_magics_work_in_each_mode(km: ConKernelManager, mode: str) -> None:
    """Lines, cells, shell commands, and a question mark."""
    async with client_of(km) as kc:
        assert "Wall time" in (await raw(kc, "%%time\nx = 1", run_mode=mode)).stdout
        assert (await raw(kc, "%%bash\necho hello", run_mode=mode)).stdout == "hello\n"
        assert await value_of(kc, "y = !echo hi\ny", run_mode=mode) == "['hi']"
        payload = (await raw(kc, "len?", run_mode=mode)).reply["content"]["payload"]
        assert "len" in payload[0]["data"]["text/plain"]


async def test_a_value_whose_repr_fails_is_an_error_of_its_cell(km: ConKernelManager) -> None:
    """As in ipykernel."""
    async with client_of(km) as kc:
        code = "class Bad:\n  def __repr__(self): raise ValueError('bad repr')\nBad()"
        result = await raw(kc, code)
        assert "bad repr" in result.text
        assert await value_of(kc, "1") == "1"


async def test_history_is_of_all_cells_in_their_numbers(km: ConKernelManager) -> None:
    """Whichever their modes."""
    async with client_of(km) as kc:
        counts = [
            (await raw(kc, f"'cell of a {mode}'", run_mode=mode)).execution_count for mode in MODES
        ]
        assert counts == list(range(counts[0], counts[0] + 3))
        value = await value_of(kc, f"In[{counts[0]}:{counts[0]} + 3]")
    assert value == str([f"'cell of a {mode}'" for mode in MODES])


async def test_input_is_asked_by_several_cells_at_once_and_each_gets_its_answer(
    km: ConKernelManager,
) -> None:
    """In threads and in the main thread, when all have asked; then one in a subshell."""
    async with client_of(km, window=None) as kc:
        subshell = await kc.create_subshell()
        asked = asyncio.Event()
        prompts: set[str] = set()

        async def answer(request: Any) -> str:
            prompts.add(request.prompt)
            if len(prompts) == 4:
                asked.set()
            await asyncio.wait_for(asked.wait(), LONG)
            return f"answer to {request.prompt}"

        runs = [
            kc.run(f"print(input('{i}'))", metadata={"run_mode": "thread"}, on_stdin=answer)
            for i in range(3)
        ]
        runs.append(kc.run("import getpass; print(getpass.getpass('3'))", on_stdin=answer))
        results = await ended(*runs)
        results += await ended(kc.run("print(input('4'))", subshell_id=subshell, on_stdin=answer))
        await kc.delete_subshell(subshell)
    assert [it.stdout for it in results] == [f"answer to {i}\n" for i in range(5)]


@pytest.mark.parametrize("mode", MODES)
async def test_input_is_refused_where_the_front_end_has_none(
    km: ConKernelManager, mode: str
) -> None:
    """By the error that ipykernel has for it."""
    async with client_of(km) as kc:
        result = await raw(kc, "input('?')", run_mode=mode)
    assert result.error.ename == "StdinNotImplementedError"


@pytest.mark.parametrize("mode", MODES)
async def test_a_question_can_be_interrupted(km: ConKernelManager, mode: str) -> None:
    """And the next one is answered."""
    async with client_of(km, window=None) as kc:
        is_asked = asyncio.Event()

        async def never(_request: Any) -> None:
            is_asked.set()

        run = kc.run("input('?')", metadata={"run_mode": mode}, on_stdin=never)
        await asyncio.wait_for(is_asked.wait(), LONG)
        assert await cancelled(kc, run) == ["interrupted"]
        (result,) = await ended(run)
        assert result.error.ename == "KeyboardInterrupt"
        run = kc.run("input('?')", metadata={"run_mode": mode}, on_stdin=lambda _: "yes")
        (result,) = await ended(run)
    assert result.data["text/plain"] == "'yes'"


async def test_exit_in_a_cell_asks_the_front_end_and_ends_nothing(km: ConKernelManager) -> None:
    """The payload says it; a front end that does not act on it goes on."""
    async with client_of(km) as kc:
        result = await raw(kc, "quit")
        assert result.reply["content"]["payload"][0]["source"] == "ask_exit"
        run = await begun(kc, "import sys; sys.exit(3)")
        (result,) = await ended(run)
        assert (result.status, result.error.ename) == ("error", "SystemExit")
        assert await value_of(kc, "1") == "1"


def test_a_traceback_ends_where_the_handler_of_a_signal_began() -> None:
    """What the handler calls of others, asyncio for example, is no part of a cell."""

    def called_by_the_handler() -> None:
        raise KeyboardInterrupt

    handler: dict[str, Any] = {"__name__": stopper.__name__}
    exec("def handle(call): call()", handler)
    try:
        handler["handle"](called_by_the_handler)
    except KeyboardInterrupt as error:
        shown = shell._without_ours(error.__traceback__)
    assert shown is not None
    assert (shown.tb_frame.f_code.co_name, shown.tb_next) == (
        "test_a_traceback_ends_where_the_handler_of_a_signal_began",
        None,
    )
    assert stopper.__name__ == shell.HANDLER
