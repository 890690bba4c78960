"""What do the messages of front ends and server look like, for programs in other languages?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Final, Union, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.json_schema import models_json_schema

from ..document import edits
from ..session import session_events
from .describing import attributes_of, summary_of
from .messages import FROM_FRONT_ENDS, Error, Ok

__all__ = ["TO_FRONT_ENDS", "json_schema"]

TITLE: Final = "Messages between the front ends of a notebook and its server"
ABOUT: Final = (
    "Each is one text of a WebSocket. A front end sends any of FromFrontEnd; each gets one answer, "
    "Ok or Error, with its id. Who has sent `subscribe` is told any of the others of ToFrontEnd. "
    "Fields that are not known are to be ignored: there may be more."
)


class Told(BaseModel):
    """What the server tells; each field is always there."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", strict=True)


def _model_of(kind: type[Any], name: str, names: Mapping[str, Any]) -> type[BaseModel]:
    """Make a model of a class of ours; `names` are what its annotations may name."""
    hints, texts = get_type_hints(kind, localns=dict(names)), attributes_of(kind)
    declared: dict[str, Any] = {
        field.name: (hints[field.name], Field(..., description=texts.get(field.name)))
        for field in fields(kind)
    }
    return create_model(name, __base__=Told, __doc__=summary_of(kind), **declared)


def _models() -> Mapping[str, type[BaseModel]]:
    done = [_model_of(kind, f"{kind.__name__}Done", {}) for kind in get_args(edits.Edit)]
    question = session_events.Question
    names: dict[str, Any] = {"Mapping": Mapping, "Edit": Union[tuple(done)]}  # noqa: UP007
    names["Question"] = _model_of(question, question.__name__, names)
    kinds: tuple[type[Any], ...] = get_args(session_events.Told)
    events = [_model_of(kind, kind.__name__, names) for kind in kinds]
    whole = (Ok, Error, *events)
    return {get_args(kind.model_fields["type"].annotation)[0]: kind for kind in whole}


TO_FRONT_ENDS: Final[Mapping[str, type[BaseModel]]] = _models()
"""All that the server sends, by type."""


def json_schema() -> dict[str, Any]:
    """
    Give the JSON schema of all messages.

    In "$defs" each is under the name of its class; "FromFrontEnd" and "ToFrontEnd" are all that go
    in one direction. An edit, in the "change" of an event, has the name of its class and "Done".
    """
    ways = {"FromFrontEnd": FROM_FRONT_ENDS, "ToFrontEnd": TO_FRONT_ENDS}
    kinds = [kind for way in ways.values() for kind in way.values()]
    refs, schema = models_json_schema([(kind, "validation") for kind in kinds])
    definitions = schema["$defs"]
    for name, way in ways.items():
        definitions[name] = {"oneOf": [refs[kind, "validation"] for kind in way.values()]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "description": ABOUT,
        "$defs": definitions,
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in ways],
    }
