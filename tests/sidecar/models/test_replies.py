"""Is a reply what was asked for, an error or aborted, and are its parts typed?"""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient.sidecar.models import (
    CompleteOk,
    ExecuteError,
    ExecuteOk,
    ExpressionValue,
    HistoryEntry,
    KernelInfoOk,
    KernelInfoReply,
    Message,
    ReplyAborted,
    ReplyError,
    known,
    parse,
)

from .samples import ABORTED, BARE, FAILED, SAMPLES, message

REPLIES = [name for name in known() if name.endswith("_reply") and name != "input_reply"]


def content(msg_type: str, **fields: Any) -> Any:
    return parse(message(msg_type, fields)).content


@pytest.mark.parametrize("msg_type", REPLIES)
def test_each_reply_has_three_forms(msg_type: str) -> None:
    """Which a program tells apart by their classes."""
    assert isinstance(content(msg_type, **FAILED), ReplyError)
    assert isinstance(content(msg_type, **BARE), ReplyError)
    assert isinstance(content(msg_type, **ABORTED), ReplyAborted)
    assert not isinstance(content(msg_type, **SAMPLES[msg_type][0]), (ReplyError, ReplyAborted))


def test_an_error_without_its_fields_has_empty_ones() -> None:
    """A kernel for Rust sends the status alone."""
    error = content("execute_reply", **BARE)
    assert isinstance(error, ExecuteError)
    assert (error.ename, error.evalue, error.traceback, error.execution_count) == ("", "", [], None)


def test_expressions_have_a_value_or_an_error() -> None:
    """Each for itself."""
    found = content("execute_reply", **SAMPLES["execute_reply"][0])
    assert isinstance(found, ExecuteOk)
    assert isinstance(found.user_expressions["a"], ExpressionValue)
    assert isinstance(found.user_expressions["b"], ReplyError)


def test_a_reply_without_a_status_is_what_was_asked_for() -> None:
    """Older kernels send none."""
    reply = content("complete_reply", matches=["a"])
    assert isinstance(reply, CompleteOk)
    assert reply.status == "ok"


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ({}, "rust"),
        ({"codemirror_mode": "text/x-rust"}, "text/x-rust"),
        ({"codemirror_mode": {"name": "ipython", "version": 3}}, "ipython"),
        ({"codemirror_mode": None}, "rust"),
        ({"codemirror_mode": {"name": 1}}, "rust"),
    ],
)
def test_a_language_has_a_mode_whatever_its_kernel_says(mode: dict[str, Any], name: str) -> None:
    """Its own name, where the kernel names none."""
    info = content("kernel_info_reply", language_info={"name": "rust", **mode})
    assert isinstance(info, KernelInfoOk)
    assert info.language_info.mode_name == name


def test_history_lines_have_names() -> None:
    """With their output where there is one; what is no line is left out."""
    lines = [[0, 1, "a"], [0, 2, ["b", "out"]], [0, 3, ["c", None]], "rubbish", [1], None]
    assert content("history_reply", history=lines).entries == [
        HistoryEntry(0, 1, "a"),
        HistoryEntry(0, 2, "b", "out"),
        HistoryEntry(0, 3, "c"),
    ]


def test_a_reply_can_be_made_as_a_fake_kernel_makes_it() -> None:
    """Of models, or of dicts."""
    reply: Message = KernelInfoReply.model_validate(
        message("kernel_info_reply", KernelInfoOk(banner="b"))
    )
    assert reply.content.banner == "b"
    failed = KernelInfoReply.model_validate(
        message("kernel_info_reply", ReplyError(status="error"))
    )
    assert failed.to_message()["content"] == {"status": "error"}
