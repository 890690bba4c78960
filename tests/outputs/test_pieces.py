"""Each output is told by one representation of its text, and one of what is no text."""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient.outputs.pieces import last_line_of, pieces_of
from tests.outputs.stored import printed, raised, shown

FRAME = "File ~/site-packages/{}/core/run.py:{}, in run(self)\n    1 self.x()"


def kinds(*outputs: Any) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in pieces_of(outputs)]


def test_outputs_are_pieces_in_their_order() -> None:
    """Those without text are left out."""
    outputs = printed("a\x1b[31mb"), printed(""), shown({"text/plain": "v"}), raised("E", "m")
    assert kinds(*outputs) == [
        ("text", "ab"),
        ("text", "v\n"),
        ("error", "---\nFile x, line 1\nE: m\n"),
    ]


@pytest.mark.parametrize(
    ("types", "chosen"),
    [
        (["image/gif", "image/jpeg", "image/png"], "image/png"),
        (["image/svg+xml", "image/webp"], "image/webp"),
        (["audio/wav", "image/svg+xml"], "image/svg+xml"),
        (["application/pdf"], "application/pdf"),
    ],
)
def test_of_what_is_no_text_one_is_chosen(types: list[str], chosen: str) -> None:
    """In the order that the module's docstring gives."""
    (piece,) = pieces_of([shown(dict.fromkeys(types, "AAAA"))])
    assert piece.mime == chosen
    assert piece.kind == ("image" if chosen.startswith("image/") else "file")


def test_a_figures_repr_goes_with_its_image() -> None:
    """And other text stands before it."""
    (figure,) = pieces_of([shown({"text/plain": "<Figure size 1x1>", "image/png": "AAAA"})])
    assert (figure.kind, figure.alt) == ("image", "<Figure size 1x1>")
    named = "<IPython.core.display.Image object>"
    (figure,) = pieces_of([shown({"text/plain": named, "image/png": "AAAA"})])
    assert figure.alt == ""
    assert kinds(shown({"text/plain": "caption", "image/png": "AAAA"})) == [
        ("text", "caption\n"),
        ("image", "[image/png, 3 bytes]\n"),
    ]


def test_what_has_no_text_at_all_is_one_line() -> None:
    """Such as HTML that is a program alone."""
    named = {"text/plain": "<IPython.core.display.HTML object>", "text/html": "<canvas></canvas>"}
    assert kinds(shown(named)) == [("file", "[text/html, 17 bytes]\n")]
    assert kinds(shown({"application/x": "AAAA"})) == [("file", "[application/x, 3 bytes]\n")]
    assert kinds(shown({"text/plain": "<Thing>"})) == [("text", "<Thing>\n")]
    assert kinds(shown({})) == []


def test_frames_in_the_kernels_own_files_are_left_out() -> None:
    """What raised in a repr is the user's; how IPython came there is not."""
    own = [FRAME.format(name, 3) for name in ("IPython", "ipykernel", "conkernelclient/kernel")]
    users = FRAME.format("mine", 1)
    error = {**raised("ValueError", "v"), "traceback": ["head", *own, users, "ValueError: v"]}
    assert kinds(error) == [("error", f"head\n{users}\nValueError: v\n")]
    alone = {**error, "traceback": [own[0]]}
    assert kinds(alone) == [("error", f"{own[0]}\nValueError: v\n")]


def test_a_refused_input_is_one_line() -> None:
    """Where nobody is asked, no traceback helps."""
    refused = raised("StdinNotImplementedError", "raw_input was called, but this frontend ...")
    said = (
        "StdinNotImplementedError: input() has no answer here: nobody is asked while this code "
        "runs\n"
    )
    assert kinds(refused) == [("error", said)]
    (piece,) = pieces_of([], raised=("StdinNotImplementedError", "m"))
    assert piece.text == said


def test_an_exception_is_added_where_the_outputs_have_none() -> None:
    """And only there."""
    assert [it.text for it in pieces_of([printed("a")], raised=("E", "m"))] == ["a", "E: m\n"]
    assert len(pieces_of([raised("F", "m")], raised=("E", "m"))) == 1


def test_the_last_line_of_an_exception_is_found_by_its_types_name() -> None:
    """The message may have the name, and more lines."""
    text = "File x\nmod.E: one\ntwo\n"
    assert text[last_line_of(text, "E") :] == "mod.E: one\ntwo\n"
    assert last_line_of("no name", "E") == 0
