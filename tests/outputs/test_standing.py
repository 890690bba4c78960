"""A thing says in one line what it is and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conkernelclient.outputs.standing import short, standing

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_what_cannot_be_told_is_left_out_of_a_repr() -> None:
    """What was told before it stays."""

    class Thing:
        pass

    def tell() -> Iterator[str]:
        yield "here"
        raise OSError

    assert standing(Thing(), tell) == "<Thing here, not to be told more>"
    assert short("a\x1b[2Jb\n" * 9, 5) == "ab a…"
