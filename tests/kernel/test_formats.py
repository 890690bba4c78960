"""Does our formatter give what IPython's gives?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.formatters import BaseFormatter, DisplayFormatter

from conkernelclient.kernel.formats import PLAIN, Formatter

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.complex_numbers(),
)
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS), st.dictionaries(st.text(), SCALARS), st.frozensets(SCALARS)
)
HTML = "text/html"


@given(VALUES)
def test_a_plain_value_is_formatted_as_ipython_does(value: Any) -> None:
    """Nothing but the way to it differs."""
    assert type(value) in PLAIN
    assert Formatter().format(value) == DisplayFormatter().format(value)


def by_type(formatter: DisplayFormatter) -> None:
    """Tell of a class."""
    formatter.formatters[HTML].for_type(int, lambda it: f"<b>{it}</b>")


def by_base(formatter: DisplayFormatter) -> None:
    """Tell of all objects."""
    formatter.formatters[HTML].for_type(object, lambda it: f"<b>{it}</b>")


def by_name(formatter: DisplayFormatter) -> None:
    """Tell of a class by its name."""
    formatter.formatters[HTML].for_type_by_name("builtins", "int", lambda it: f"<b>{it}</b>")


def of_one_object(formatter: DisplayFormatter) -> None:
    """Tell of one object."""
    formatter.formatters[HTML].singleton_printers[id(1)] = lambda it: f"<b>{it}</b>"


def as_bundle(formatter: DisplayFormatter) -> None:
    """Tell of a bundle."""
    formatter.mimebundle_formatter.for_type(int, lambda it, **_: {HTML: f"<b>{it}</b>"})


def by_class_of_formatter(formatter: DisplayFormatter) -> None:
    """Replace a formatter."""

    class Own(BaseFormatter):
        format_type = HTML

        def __call__(self, obj: Any) -> str:
            return f"<b>{obj}</b>"

    formatter.formatters[HTML] = Own()


@pytest.mark.parametrize(
    "tell", [by_type, by_base, by_name, of_one_object, as_bundle, by_class_of_formatter]
)
def test_what_a_user_told_the_formatters_holds_for_plain_values(
    tell: Callable[[DisplayFormatter], None],
) -> None:
    """Each way to tell them is seen."""
    formatter = Formatter()
    tell(formatter)
    assert formatter.format(1)[0] == {"text/plain": "1", HTML: "<b>1</b>"}


def test_formatters_that_were_switched_off_are_as_ipython_has_them() -> None:
    """It shows the text all the same."""
    ours, theirs = Formatter(), DisplayFormatter()
    ours.active_types = theirs.active_types = [HTML]
    assert ours.format(1) == theirs.format(1)
