"""A cell sees what runs how, and what runs just now."""

from __future__ import annotations

from conkernelclient.kernel.views import table_of


def test_a_table_is_as_wide_as_it_must_be() -> None:
    """Each column for itself, and no blanks at the ends of lines."""
    assert table_of(("a", "long"), [["wide", 1], ["", "x"]]) == "\n".join(
        ["a     long", "----  ----", "wide  1", "      x"]
    )


def test_a_table_without_rows_has_its_head() -> None:
    """So that one sees that there is nothing."""
    assert table_of(("a", "b"), []) == "a  b\n-  -"
