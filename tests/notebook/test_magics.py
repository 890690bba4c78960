"""`%%kernel` and `%kernel` do in a notebook what they say, in ipykernel and in conkernel."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.notebook import magics
from conkernelclient.notebook.magics import CELL, LINE, seconds, variable
from tests.manager.processes import is_running

if TYPE_CHECKING:
    from tests.notebook.notebook import Notebook

SHOWS = """%%kernel a --out shown
import sys
from IPython.display import HTML, clear_output
print('gone'); clear_output(wait=True)
print('out', flush=True); print('err', file=sys.stderr)
display(HTML('<b>bold</b>'), metadata={'text/html': {'isolated': True}})
print('then')
6 * 7
"""


async def test_a_cell_shows_what_it_shows_there_as_if_it_were_its_own(each: Notebook) -> None:
    """In order, with MIME types and metadata, the value as its value, also in `_` and `Out`."""
    result = await each.cell(SHOWS)
    assert [it["output_type"] for it in result.outputs] == [
        "stream",
        "stream",
        "display_data",
        "stream",
        "execute_result",
    ]
    first, second, display, then, value = result.outputs
    assert (first["text"], second["text"], then["text"]) == ("out\n", "err\n", "then\n")
    assert second["name"] == "stderr"
    assert display["data"]["text/html"] == "<b>bold</b>"
    assert display["metadata"] == {"text/html": {"isolated": True}}
    assert value["data"] == {"text/plain": "42"}
    assert await each.shown("print(_, shown.value)") == "42 42\n"


async def test_an_error_there_is_the_cells_own(each: Notebook) -> None:
    """Of that name, with that traceback, without a frame of ours; the Result is kept."""
    result = await each.cell("%%kernel a --out failed\ndef f():\n    1/0\nf()")
    assert result.status == "error"
    assert result.error is not None
    assert (result.error.ename, result.error.evalue) == ("ZeroDivisionError", "division by zero")
    assert result.reply is not None
    assert result.reply["content"]["traceback"] == result.error.traceback
    assert "f()" in result.error.text
    assert "conkernelclient" not in result.error.text
    assert "run_cell_magic" not in result.error.text
    assert len([it for it in result.outputs if it["output_type"] == "error"]) == 1
    assert await each.shown("print(failed.status)") == "error\n"


async def test_an_interrupt_here_is_one_there(each: Notebook) -> None:
    """Both kernels are free again, and have their variables."""
    sleeps = "%%kernel a\nimport time\nkept = 1\nprint('begun', flush=True)\ntime.sleep(1000)"
    result = await each.interrupted(sleeps)
    assert result.error is not None
    assert result.error.ename == "KeyboardInterrupt"
    assert "time.sleep(1000)" in result.error.text
    assert "conkernelclient" not in result.error.text
    assert await each.shown("%kernel get a kept") == "1\n"


async def test_questions_are_asked_where_the_cell_is(each: Notebook) -> None:
    """Passwords as such; where nobody is asked, the code gets EOFError and the cell says why."""
    asks = "%%kernel a\nfrom getpass import getpass\nprint(input('name? '), getpass('word? '))"
    asked: list[tuple[str, bool]] = []

    def answer(question: Any) -> str:
        asked.append((question.prompt, question.password))
        return question.prompt[:4]

    assert await each.shown(asks, on_stdin=answer) == "name word\n"
    assert asked == [("name? ", False), ("word? ", True)]
    result = await each.cell("%%kernel a\ninput()")
    assert result.error is not None
    assert result.error.ename == "EOFError"
    assert "nobody here to ask" in result.stderr


async def test_a_run_in_the_background_is_kept_in_a_variable(each: Notebook) -> None:
    """It can be looked at, awaited and interrupted while the notebook goes on."""
    code = "print('begun', flush=True)\nx = input"
    await each.shown(f"%%kernel a --background --out later\n{code}\n6 * 7")
    assert await each.shown("print((await later).text, later.wait(0).value)") == "begun\n42\n 42\n"
    await each.shown("%%kernel a -b\nimport time; time.sleep(1000)")
    assert "running" in await each.shown("print(_run.wait(0.01).status, repr(_run))")
    assert "a: kernelspec python3, busy" in await each.shown("%kernel list")
    assert await each.shown("print(_run.interrupt(), _run.outcome.status)") == "True error\n"


async def test_values_come_and_go(each: Notebook) -> None:
    """By their names; a missing one is one line."""
    assert await each.shown("one, two = 1, [2]\n%kernel set a one two") == ""
    assert await each.shown("there = %kernel get a two\nprint(there)") == "[2]\n"
    result = await each.cell("%kernel get a missing")
    assert result.error is not None
    assert result.error.ename == "NameError"
    assert "conkernelclient" not in result.error.text


BAD = {
    "%%kernel nowhere\n1": "there is no kernelspec 'nowhere'; there are: conkernel",
    "%%kernel a --spec conkernel\n1": "the kernel 'a' is one of 'python3'",
    "%%kernel a --fast\n1": "unrecognized arguments: --fast",
    "%%kernel a --timeout soon\n1": "'soon' is no number of seconds above 0",
    "%%kernel a --out 1x\n1": "'1x' is no name of a variable",
    "%%kernel a --spec python3 --existing x\n1": "not both",
    "%%kernel b --existing nowhere.json\n1": "nowhere.json",
    "%%kernel --spec python3\n1": "required: name",
    "%kernel dance a": "invalid choice: 'dance'",
    "%kernel restart": "%kernel restart needs the name of a kernel",
    "%kernel restart a b": "takes a name alone",
    "%kernel restart b": "there is no kernel 'b' here; there are: a",
    "%kernel get a": "gives one variable",
    "%kernel set a": "at least one variable",
    "%kernel set a nothing_here": "there is no variable 'nothing_here' here",
}


async def test_what_is_wrong_is_told_in_one_line(nb: Notebook) -> None:
    """As IPython tells it, and the cell has failed."""
    for code, said in BAD.items():
        result = await nb.cell(code)
        assert result.error is not None, code
        assert result.error.ename == "UsageError"
        assert said in result.error.evalue
        assert result.stderr == f"UsageError: {result.error.evalue}\n"
        assert result.stderr.count("\n") == 1
        assert [it["output_type"] for it in result.outputs] == ["stream"]


async def test_kernels_are_restarted_and_shut_down_by_name(nb: Notebook) -> None:
    """Unloading the extension ends those that are left, and loading it again begins anew."""
    before = int(await nb.shown("%%kernel a\nimport os; os.getpid()"))
    await nb.shown("%kernel restart a")
    after = int(await nb.shown("%%kernel a\nimport os; os.getpid()"))
    assert not is_running(before)
    await nb.shown("%kernel shutdown a")
    assert not is_running(after)
    assert await nb.shown("%kernel list") == "no kernels yet: %%kernel NAME starts one\n"
    last = int(await nb.shown("%%kernel a -s python3\nimport os; os.getpid()"))
    await nb.shown("%unload_ext conkernelclient")
    assert not is_running(last)
    assert (await nb.cell("%kernel list")).status == "error"
    await nb.shown("%load_ext conkernelclient")
    assert "no kernels yet" in await nb.shown("%kernel list")


async def test_the_help_of_the_magics_names_their_options(nb: Notebook) -> None:
    """`%%kernel?`."""
    for magic, option in {"%%kernel": "--background", "%kernel": "{list,restart"}.items():
        result = await nb.cell(f"{magic}?")
        assert result.reply is not None
        assert option in str(result.reply["content"]["payload"])


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "nan", "inf"])
def test_what_is_no_number_of_seconds_is_refused(text: str) -> None:
    """By argparse, in one line."""
    with pytest.raises(argparse.ArgumentTypeError, match="seconds"):
        seconds(text)
    assert seconds("0.5") == 0.5


def test_what_is_no_name_is_refused() -> None:
    """A variable has a name that Python takes."""
    assert variable("x_1") == "x_1"
    with pytest.raises(argparse.ArgumentTypeError, match="variable"):
        variable("x y")


def test_lines_are_read_into_options() -> None:
    """Whichever way they are written."""
    assert CELL.read("a -s 'my spec' -t 2 -b")["spec"] == "my spec"
    assert LINE.read("set a x y")["variables"] == ["x", "y"]


def test_a_forked_process_leaves_the_kernels_to_its_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its end ends none of them."""
    made = magics.KernelMagics(None)
    monkeypatch.setattr(magics.os, "getpid", lambda: -1)
    monkeypatch.setattr(made, "_thread", None)  # not touched
    made.close()
