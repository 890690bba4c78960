"""Does the schema take what the models take?"""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from conkernelclient.sidecar.models import json_schema

from .samples import ALL, DATE, message

SCHEMA = json_schema()
CHECK: Any = jsonschema.Draft202012Validator(SCHEMA)


def as_json(whole: dict[str, Any]) -> Any:
    return json.loads(json.dumps(whole, default=str))


def test_it_is_a_schema_of_json() -> None:
    """In its own words, and it can be written down."""
    jsonschema.Draft202012Validator.check_schema(json.loads(json.dumps(SCHEMA)))
    assert str(DATE) in json.dumps(as_json(message("status", {})))


@pytest.mark.parametrize(("msg_type", "content"), ALL, ids=lambda part: str(part)[:40])
def test_each_message_fits_it(msg_type: str, content: dict[str, Any]) -> None:
    """But those with a null for what may be left out: a program should not write them."""
    told = {key: value for key, value in content.items() if value is not None}
    CHECK.validate(as_json(message(msg_type, told)))


def test_a_wrong_message_does_not() -> None:
    """Neither one whose content is another type's."""
    for whole in (message("stream", {"name": 1, "text": ""}), message("stream", {})):
        assert not CHECK.is_valid(as_json(whole))
    assert not CHECK.is_valid(as_json(message("status", {"name": "a", "text": "b"})))
