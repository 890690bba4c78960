"""
Does a notebook's own unit test, written with testbook, work?

testbook publishes no source distribution, and its wheel holds no tests: these run its whole way,
from the decorator to the values that come back.
"""

from __future__ import annotations

import threading

import pytest
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from testbook import testbook
from testbook.exceptions import TestbookRuntimeError, TestbookSerializeError

FIRST = """
import os

def double(x):
    return 2 * x

class Point:
    def __init__(self, x):
        self.x = x

point = Point(3)
print("ready")
"""


def notebook():
    """Make a notebook of two cells of code: definitions, and one that uses them."""
    first, last = new_code_cell(FIRST), new_code_cell("total = double(4)\ntotal")
    first.metadata["tags"], last.metadata["tags"] = ["definitions"], ["total"]
    return new_notebook(cells=[new_markdown_cell("# Sample"), first, last])


@testbook(notebook(), execute=True)
def test_a_decorated_test_gets_the_executed_notebook(tb):
    """All cells ran, in order, and their outputs are in the notebook."""
    assert tb.cell_output_text("definitions") == "ready"
    assert tb.cell_output_text("total") == "8"
    assert [cell.get("execution_count") for cell in tb.cells] == [None, 1, 2]


def test_functions_of_the_notebook_can_be_called():
    """A reference stands for what is in the kernel; its value comes back."""
    with testbook(notebook(), execute=["definitions"]) as tb:
        assert tb.ref("double")(21) == 42
        assert tb.get("point").x == 3
        assert tb.value("[1, 'two', None]") == [1, "two", None]


def test_what_is_injected_runs_in_the_kernel():
    """Code runs where it was put, and sees the notebook's names."""
    with testbook(notebook(), execute=["definitions"]) as tb:
        tb.inject("point.x = 5", after="definitions")
        assert tb.cells[2].source == "point.x = 5"
        assert tb.ref("point").x == 5


def test_a_patch_holds_for_its_block():
    """The mock is in the kernel, and gone afterwards."""
    with testbook(notebook(), execute=["definitions"]) as tb:
        with tb.patch("os.getcwd") as mock:
            tb.inject("os.getcwd()")
            mock.assert_called_once()
        assert tb.value("type(os.getcwd).__name__") == "builtin_function_or_method"


def test_an_error_in_the_notebook_is_told_by_its_class():
    """The test sees which error it was, and the kernel goes on."""
    with testbook(notebook(), execute=["definitions"]) as tb:
        with pytest.raises(TestbookRuntimeError, match="by zero") as caught:
            tb.inject("1 / 0")
        assert caught.value.eclass is ZeroDivisionError
        with pytest.raises(TestbookSerializeError):
            tb.value("point")
        assert tb.value("double(2)") == 4


def test_a_cell_over_its_time_is_told():
    """The limit is the notebook client's own."""
    with testbook(notebook(), timeout=2) as tb, pytest.raises(CellTimeoutError):
        tb.inject("import time; time.sleep(60)")


def test_a_cell_that_ends_its_kernel_is_told():
    """It is nbclient's error that testbook's users catch."""
    with testbook(notebook()) as tb, pytest.raises(DeadKernelError):
        tb.inject("import os, time; print('last'); time.sleep(0.2); os._exit(1)")


def test_notebooks_run_in_several_threads():
    """Each has a kernel and a loop of its own."""
    values = {}

    def run(number):
        with testbook(notebook(), execute=["definitions"]) as tb:
            values[number] = tb.ref("double")(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert values == {0: 0, 1: 2, 2: 4}
