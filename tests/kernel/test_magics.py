"""A magic whose code awaits is awaited; all other code stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient.kernel.magics import awaited


class Shell:
    """What decides needs of a shell."""

    def __init__(self, magic: Any = None) -> None:
        self._magic = magic

    def find_cell_magic(self, _name: str) -> Any:
        return self._magic

    def transform_cell(self, body: str) -> str:
        if "broken" in body:
            raise ValueError
        return body

    def should_run_async(self, _body: str, *, transformed_cell: str) -> bool:
        return "await" in transformed_cell.partition("#")[0]


def call(name: str, body: str, line: str = "") -> str:
    return f"get_ipython().run_cell_magic({name!r}, {line!r}, {body!r})\n"


@pytest.mark.parametrize("name", ["capture", "time"])
def test_a_magic_whose_body_awaits_is_put_behind_await(name: str) -> None:
    """With its line and its body."""
    code = awaited(Shell(), call(name, "await x()\n", "-q"))
    assert code == f"await get_ipython().run_awaiting_magic({name!r}, '-q', 'await x()\\n')\n"


@pytest.mark.parametrize(
    "code",
    [
        "x = 1\n",
        call("capture", "x = 1\n"),
        call("capture", "# await\nbroken\n"),
        call("bash", "await x()\n"),
        call("capture", "await x()\n") + "y = 2\n",
        "get_ipython().run_cell_magic(name, line, body)\n",
        "get_ipython().run_cell_magic(",
    ],
)
def test_other_code_stays_as_it_is(code: str) -> None:
    """Code that does not await, that is not one magic, that cannot be read."""
    assert awaited(Shell(), code) == code


def line_call(name: str, line: str) -> str:
    return f"get_ipython().run_line_magic({name!r}, {line!r})"


@pytest.mark.parametrize(
    "code",
    ["{}\n", "x = {}\n", "'ä'; x = {}\n", "for i in y:\n    {}\n", "async def f():\n    {}\n"],
)
def test_a_line_magic_whose_code_awaits_is_put_behind_await(code: str) -> None:
    """Wherever it may be awaited."""
    call_ = line_call("time", "await x()")
    wanted = call_.replace("get_ipython().run_line_magic", "await get_ipython().run_awaiting_magic")
    assert awaited(Shell(), code.format(call_)) == code.format(wanted)


@pytest.mark.parametrize(
    "code",
    [
        line_call("time", "x # await") + "\n",
        line_call("time", "broken await") + "\n",
        line_call("other", "await x()") + "\n",
        line_call("capture", "await x()") + "\n",
        "def f():\n    " + line_call("time", "await x()") + "\n",
        "lambda: " + line_call("time", "await x()") + "\n",
        "get_ipython() .run_line_magic('time', 'await x()'); 'get_ipython().run_line_magic('\n",
        line_call("time", "await x()") + "(\n",
    ],
)
def test_other_lines_stay_as_they_are(code: str) -> None:
    """Those that do not await, or where nothing may be awaited, or that cannot be read."""
    assert awaited(Shell(), code) == code


def test_a_magic_that_is_a_coroutine_function_is_awaited_whatever_its_body() -> None:
    """Users may register some."""

    async def magic(_line: str, _body: str) -> None: ...

    code = call("mine", "x\n")
    assert awaited(Shell(magic), code) == f"await {code}"
