"""Are a kernel's outputs typed, also where a kernel leaves out what others send?"""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient.sidecar.models import ErrorContent, parse

from .samples import message


@pytest.mark.parametrize("msg_type", ["display_data", "update_display_data", "execute_result"])
@pytest.mark.parametrize(
    ("transient", "display_id"),
    [
        ({}, None),
        ({"transient": None}, None),
        ({"transient": {}}, None),
        ({"transient": {"display_id": "d"}}, "d"),
        ({"transient": {"display_id": 3}}, 3),
    ],
)
def test_a_display_has_an_id_or_none(
    msg_type: str, transient: dict[str, Any], display_id: Any
) -> None:
    """A kernel for R sends no `transient` at all."""
    model: Any = parse(message(msg_type, {"data": {}, **transient}))
    assert model.content.display_id == display_id
    assert model.content.metadata == {}


def test_an_error_may_be_empty() -> None:
    """What is missing is not told."""
    model: Any = parse(message("error", {}))
    assert isinstance(model.content, ErrorContent)
    assert (model.content.ename, model.content.traceback) == ("", [])


def test_outputs_are_cleared_at_once_where_nothing_else_is_said() -> None:
    """As the protocol has it."""
    assert parse(message("clear_output", {})).content.wait is False
