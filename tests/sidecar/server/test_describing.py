"""What a docstring says of a class goes into the schema."""

from __future__ import annotations

from conkernelclient.sidecar.document.edits import EditCell, SetOutputs
from conkernelclient.sidecar.server.describing import attributes_of, summary_of


class Sample:
    """
    A thing of
    two lines.

    And a paragraph.

    Attributes:
        one: The first.
        two: The second, which goes on
            in another line: so.
        three_3: The last.
    """


class Short:
    """One line."""


class Silent: ...


def test_lines_of_a_paragraph_are_joined() -> None:
    """Its sections are left out."""
    assert summary_of(Sample) == "A thing of two lines.\n\nAnd a paragraph."
    assert summary_of(Short) == "One line."
    assert summary_of(Silent) == ""


def test_each_attribute_has_its_text() -> None:
    """Also one of several lines."""
    assert attributes_of(Sample) == {
        "one": "The first.",
        "two": "The second, which goes on in another line: so.",
        "three_3": "The last.",
    }
    assert attributes_of(Short) == attributes_of(Silent) == {}


def test_the_edits_are_described() -> None:
    """As their docstrings stand there."""
    assert summary_of(EditCell) == "Give a cell another source; its outputs stay, and are stale."
    assert attributes_of(SetOutputs)["execution_count"] == "The kernel's number."
