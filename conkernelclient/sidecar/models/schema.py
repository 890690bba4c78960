"""What do the messages look like, for programs in other languages?"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from .registry import known

__all__ = ["json_schema"]


def json_schema() -> dict[str, Any]:
    """
    Give the JSON schema of every message that has a model, those of `register` as well.

    Each is in "$defs" under the name of its model; a message that fits the whole is one of them,
    by the type in its header. Binary buffers are not JSON: "buffers" takes anything.
    """
    kinds = known()
    for kind in kinds.values():
        kind.model_rebuild()
    refs, schema = models_json_schema(
        [(kind, "validation") for kind in kinds.values()],
        title="Messages of the Jupyter protocol 5.5",
    )
    definitions = schema["$defs"]
    whole: list[dict[str, Any]] = []
    for msg_type, kind in kinds.items():
        ref = refs[(kind, "validation")]
        named = {"properties": {"msg_type": {"const": msg_type}}}
        definition = definitions[ref["$ref"].rpartition("/")[2]]
        header = definition["properties"]["header"]
        definition["properties"]["header"] = {"allOf": [header, named]}
        whole.append(ref)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "oneOf": whole,
    }
