"""What runs in a kernel answers in one form, and touches no more than the names it is given."""

from __future__ import annotations

import binascii
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from conkernelclient.values import codec, remote

LARGE = b"x" * (codec.LARGE + 1)


class Shell:
    """Stands for IPython's, with one request under way."""

    def __init__(self, parent: Any) -> None:
        self.user_ns_hidden: dict[str, Any] = {"In": In}
        self.kernel = SimpleNamespace(get_parent=lambda _channel: parent)


In: list[str] = []


def in_ipython(monkeypatch: pytest.MonkeyPatch, parent: Any) -> None:
    """Let there be an IPython."""
    shell = Shell(parent)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


def test_an_answer_shows_its_value_as_text() -> None:
    """Also to kernels that know no MIME bundles."""
    assert repr(remote.answer([1])) == 'conkernel-value:+["p",[1]]'
    assert remote.answer([1])._repr_mimebundle_(include=None) == {
        "text/plain": 'conkernel-value:+["p",[1]]'
    }


def test_large_bytes_stand_beside_the_text_of_an_answer() -> None:
    """Where they are not written twice."""
    bundle = remote.answer([LARGE, b"small"])._repr_mimebundle_()
    assert set(bundle) == {"text/plain", remote.PART + "0"}
    assert binascii.a2b_base64(bundle[remote.PART + "0"]) == LARGE
    assert len(bundle["text/plain"]) < 100


def test_an_answer_that_cannot_travel_says_why() -> None:
    """As one that failed does."""
    start = remote.MARK + "-"
    text = remote.answer(object())._repr_mimebundle_()["text/plain"]
    assert text.startswith(start)
    reason = codec.load(text[len(start) :])
    assert "a value of type object is no literal" in reason
    assert reason.endswith("ask for the value with pickle=True")
    unpicklable = remote.answer((i for i in ()), is_pickled=True)._repr_mimebundle_()["text/plain"]
    assert "cannot be pickled" in unpicklable
    assert "pickle=True" not in unpicklable
    assert repr(remote.failed("no reason")) == start + '"no reason"'


def test_names_are_set_from_a_text_all_or_none() -> None:
    """Also where there is no IPython."""
    names: dict[str, Any] = {"kept": 0}
    assert remote.store(names, ("m", codec.dump({"x": 1, "y": [2]}), None)).value is True
    assert names == {"kept": 0, "x": 1, "y": [2]}
    failed = remote.store(names, ("m", '["d",["p",["z"]],["p",[1,2]]]', None))
    assert (failed.sign, "z" in names) == ("-", False)


def test_names_are_set_from_the_buffers_of_the_request_that_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of another request are not its: the answer says so, and the text is sent instead."""
    parts: list[bytes] = []
    text = codec.dump({"large": LARGE}, parts)
    buffers = [memoryview(part) for part in (text.encode(), *parts)]
    in_ipython(monkeypatch, {"header": {"msg_id": "mine"}, "buffers": buffers})
    names: dict[str, Any] = {}
    assert remote.store(names, ("other", None, None)).sign == remote.LACKS
    assert names == {}
    assert remote.store(names, ("mine", None, None)).value is True
    assert names == {"large": LARGE}


@pytest.mark.parametrize("parent", [None, {}, {"header": {"msg_id": "m"}, "buffers": []}])
def test_a_kernel_that_keeps_no_buffers_says_so(
    parent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it has in their place."""
    in_ipython(monkeypatch, parent)
    assert remote.store({}, ("m", None, None)).sign == remote.LACKS


def test_the_names_of_types_are_told_without_running_code_of_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Names with an underscore and IPython's own are left out; what took such a name is not."""

    class Meta(type):
        @property
        def __name__(cls) -> str:  # type: ignore[override]
            raise RuntimeError

    class Odd(metaclass=Meta):
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError

    names: dict[Any, Any] = {"x": 1, "odd": Odd(), "_hidden": 1, 5: 1, "In": In}
    monkeypatch.setitem(sys.modules, "IPython", None)  # type: ignore[arg-type]
    assert remote.variables(names).value == {"x": "int", "odd": "Odd", "In": "list"}
    in_ipython(monkeypatch, None)
    assert remote.variables(names).value == {"x": "int", "odd": "Odd"}
    assert remote.variables({"In": "mine"}).value == {"In": "str"}
