"""What do the messages look like, for programs in other languages?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from .registry import known

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

__all__ = ["json_schema"]


class Forms(GenerateJsonSchema):
    """
    Writes a reply's forms as "anyOf".

    Fields of one's own are allowed, so an error also fits the form of what was asked for: "oneOf"
    would refuse it.
    """

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Write the forms of one content."""
        written = super().tagged_union_schema(schema)
        written["anyOf"] = written.pop("oneOf")
        return written


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
        schema_generator=Forms,
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
