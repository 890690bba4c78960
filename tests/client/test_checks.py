"""An argument of a wrong type is an error before anything is sent, and the error names it."""

from __future__ import annotations

import math
from collections import ChainMap
from typing import Any

import pytest

from conkernelclient.client.checks import require_mapping, require_seconds, require_text
from conkernelclient.errors import ProtocolError


def test_text_is_a_str() -> None:
    """Also of a subclass, and empty; bytes are none."""
    assert require_text("code", "") == ""
    for value in (b"x", 1, None):
        with pytest.raises(ProtocolError, match=r"code .* must be a string"):
            require_text("code", value)


def test_a_mapping_need_not_be_a_dict() -> None:
    """What it should have been is in the error."""
    require_mapping("metadata", ChainMap({"a": 1}))
    for value in ([("a", 1)], None, "a"):
        with pytest.raises(ProtocolError, match=r"metadata .* must be a dict of strings"):
            require_mapping("metadata", value, "a dict of strings")


@pytest.mark.parametrize("value", [0, 1, 2.5, -1, math.inf])
def test_seconds_are_any_number(value: float) -> None:
    """They are given as a float."""
    seconds = require_seconds("timeout", value)
    assert seconds == value
    assert type(seconds) is float


@pytest.mark.parametrize("value", [math.nan, True, "1", [1]])
def test_what_is_no_number_of_seconds_is_named(value: Any) -> None:
    """True is none, although Python counts with it; None waits for ever."""
    assert require_seconds("timeout", None) is None
    with pytest.raises(ProtocolError, match=r"timeout .* must be a number of seconds, or None"):
        require_seconds("timeout", value)
