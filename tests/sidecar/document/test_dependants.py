"""The cells that depend on one are known, in the order in which they run, or it is told why not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conkernelclient.errors import EditError
from conkernelclient.sidecar.document import Dependants, Notebook, Problem, dependants, new_cell


def book(*sources: str, language: str = "python") -> Notebook:
    """A notebook of cells a, b, c, ..."""
    cells = [new_cell(source=source, cell_id=chr(97 + n)) for n, source in enumerate(sources)]
    return Notebook(cells, {"language_info": {"name": language}})


def ids(notebook: Notebook, cell_id: str) -> str:
    """The dependants, of which all is known."""
    found = dependants(notebook, cell_id)
    assert found.problems == ()
    return "".join(found.cell_ids)


def test_cells_depend_on_the_last_writer_above() -> None:
    """Directly, or by way of others; in the notebook's order."""
    notebook = book("x = 1", "y = x", "x = 2", "print(x)", "z = y + x", "print('x')")
    assert [ids(notebook, one) for one in "abcdef"] == ["be", "e", "de", "", "", ""]


def test_what_may_be_written_between_hides_nothing() -> None:
    """Both writers count; what is changed is written."""
    notebook = book("x = {}", "if y: x = 2", "x['a'] = 1", "print(x)")
    assert ids(notebook, "a") == "cd"
    assert ids(notebook, "b") == "cd"
    assert ids(notebook, "c") == "d"


def test_a_functions_reads_pass_on_to_who_calls_it() -> None:
    """The value that it reads is part of what it does."""
    assert ids(book("x = 1", "def f(): return x", "print(f())", "f = None", "f"), "a") == "bc"


def test_text_and_cells_without_names_depend_on_nothing() -> None:
    """And nothing on them."""
    notebook = book("x = 1", "x")
    notebook.insert_checked(0, new_cell("markdown", "x", cell_id="text"))
    assert dependants(notebook, "text") == Dependants(())
    assert ids(notebook, "a") == "b"


def test_a_cell_that_is_not_there_is_named() -> None:
    """As in an edit."""
    with pytest.raises(EditError, match="there is no cell 'gone'"):
        dependants(book(), "gone")


def test_what_is_not_known_is_told_for_the_cells_that_it_may_reach() -> None:
    """Not for those below it, and the rest is given all the same."""
    notebook = book("x = 1", "exec(x)", "print(y)", "x")
    found = dependants(notebook, "a")
    assert found.cell_ids == ("b", "d")
    assert found.problems == (Problem("unknown", ("b",), "cell 'b': line 1: exec"),)
    assert dependants(notebook, "b").problems == found.problems
    assert dependants(notebook, "c").problems == ()


def test_a_circle_is_told() -> None:
    """A name is read above and written below, and the other way round."""
    notebook = book("x = y", "z = 1", "y = x")
    told = "cell 'a' reads 'y', which only cells below it write, and 'c', which writes it,"
    problem = Problem("cycle", ("a", "c"), f"{told} depends on 'a'")
    assert dependants(notebook, "a") == Dependants(("c",), (problem,))
    assert dependants(notebook, "c") == Dependants((), (problem,))
    assert dependants(notebook, "b") == Dependants(())


def test_a_name_that_is_only_written_below_is_told() -> None:
    """To who asks for the cell that writes it."""
    notebook = book("print(y)", "x = 1", "y = x")
    problem = Problem("below", ("a", "c"), "cell 'a' reads 'y', which only cells below it write")
    assert dependants(notebook, "c") == Dependants((), (problem,))
    assert dependants(notebook, "b") == Dependants(("c",), (problem,))
    assert dependants(notebook, "a") == Dependants(())


def test_another_language_is_told() -> None:
    """What looks like Python in it is none."""
    found = dependants(book("x = 1", "x", language="R"), "a")
    assert found.cell_ids == ()
    assert [problem.kind for problem in found.problems] == ["language"]


cells = st.lists(
    st.builds(
        "{} = {} + {}".format,
        st.sampled_from("xyz"),
        st.sampled_from("xyz1"),
        st.sampled_from("xyz1"),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(cells, st.data())
def test_running_the_dependants_gives_what_running_all_gives(
    sources: list[str], data: st.DataObject
) -> None:
    """After a cell has changed: those that are not run would have given what they gave."""
    notebook = book(*sources)
    changed = data.draw(st.integers(0, len(sources) - 1))

    def values(edited: bool) -> list[Any]:
        space: dict[str, Any] = {"x": 1, "y": 10, "z": 100}
        shown: list[Any] = []
        for place, source in enumerate(sources):
            exec(source + (" + 1000" if edited and place == changed else ""), space)
            shown.append(space[source[0]])
        return shown

    before, after = values(edited=False), values(edited=True)
    found = set(dependants(notebook, chr(97 + changed)).cell_ids)
    different = {chr(97 + n) for n, old in enumerate(before) if old != after[n]}
    assert different <= found | {chr(97 + changed)}
    assert found <= different
