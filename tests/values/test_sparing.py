"""Callbacks of an event pass by a request for a value, and by no other."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from conkernelclient.values import sparing


def shell_of(monkeypatch: pytest.MonkeyPatch, parent: Any, callbacks: Any) -> Any:
    """Let there be an IPython with a request under way."""
    kernel = SimpleNamespace(get_parent=lambda _channel: parent)
    shell = SimpleNamespace(kernel=kernel, events=SimpleNamespace(callbacks=callbacks))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    return shell


@pytest.mark.parametrize(
    ("content", "calls"),
    [
        ({"silent": True, "code": "", "user_expressions": {"value": "1"}}, []),
        ({"silent": True, "code": "1", "user_expressions": {"value": "1"}}, [print]),
        ({"silent": False, "code": "", "user_expressions": {"value": "1"}}, [print]),
        ({"silent": True, "code": "", "user_expressions": {}}, [print]),
        ({}, [print]),
    ],
)
def test_only_a_request_for_a_value_is_passed_by(
    content: Any, calls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callbacks are added and taken away as before."""
    callbacks: dict[str, Any] = {"post_execute": []}
    shell_of(monkeypatch, {"content": content}, callbacks)
    sparing.spare()
    spared = callbacks["post_execute"]
    sparing.spare()
    assert callbacks["post_execute"] is spared
    spared.append(print)
    assert spared[:] == calls
    assert print in spared
    assert spared[0] is print
    spared.remove(print)
    assert spared == []


@pytest.mark.parametrize("callbacks", [None, {}, {"post_execute": 5}])
def test_a_kernel_with_no_such_events_is_left_as_it_is(
    callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or with no IPython at all."""
    shell_of(monkeypatch, None, callbacks)
    sparing.spare()
    monkeypatch.setitem(sys.modules, "IPython", None)  # type: ignore[arg-type]
    sparing.spare()
    assert callbacks in (None, {}, {"post_execute": 5})
