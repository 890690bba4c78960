"""An id is served by its subshell, or by the one that took its place."""

from __future__ import annotations

from conkernelclient.state.subshell_ids import Shells


def test_an_id_stands_for_itself_until_it_is_replaced() -> None:
    """And for the last stand-in afterwards."""
    shells = Shells()
    shells.add("a")
    assert ("a" in shells, shells.actual("a")) == (True, "a")
    assert shells.replace("a", "b") == "a"
    assert shells.replace("a", "c") == "b"
    assert shells.actual("a") == "c"
    assert "a" in shells


def test_the_kernels_list_is_read_by_the_names_of_the_program() -> None:
    """A stand-in has the name that it serves; who is replaced and at work still is left out."""
    shells = Shells()
    shells.add("a")
    shells.replace("a", "b")
    assert shells.learn(["a", "b", "other"]) == ["a", "other"]
    assert ("other" in shells, "b" in shells) == (True, False)


def test_what_the_kernel_does_not_list_is_there_no_more() -> None:
    """Another client may have deleted it."""
    shells = Shells()
    shells.add("a")
    assert shells.learn([]) == []
    assert "a" not in shells


def test_deleted_and_forgotten_ids_have_no_stand_in() -> None:
    """A new kernel may give the same id again."""
    shells = Shells()
    for forget in (lambda: shells.discard("a"), shells.clear):
        shells.add("a")
        shells.replace("a", "b")
        forget()
        assert ("a" in shells, shells.actual("a")) == (False, "a")
    assert shells.learn(["a"]) == ["a"]
    shells.discard("never there")
