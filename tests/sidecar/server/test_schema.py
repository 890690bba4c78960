"""The schema tells other languages what the messages are."""

from __future__ import annotations

import dataclasses
import json
from typing import get_args

from jsonschema import Draft202012Validator

from conkernelclient.sidecar.document import edits
from conkernelclient.sidecar.server.encoding import encoded
from conkernelclient.sidecar.server.messages import FROM_FRONT_ENDS, Error, Ok
from conkernelclient.sidecar.server.schema import TO_FRONT_ENDS, json_schema
from conkernelclient.sidecar.session import session_events
from tests.sidecar.server.test_messages import SAMPLES

CELL = {"id": "a", "cell_type": "raw", "metadata": {}, "source": ""}
TOLD = [
    session_events.Snapshot(
        1,
        {"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 5},
        cells={"a": "running", "b": "queued"},
        statuses={"c": "ok"},
        question=session_events.Question("a", "? ", True),
        notes=("upgraded",),
        stale=("c",),
    ),
    session_events.Missed(3),
    session_events.Edited(2, (edits.AddCell(CELL, 0), edits.ClearOutputs("a")), "front-end-1"),
    session_events.OutputsChanged(3, "a", 0, [{"output_type": "stream"}], None, "hash"),
    session_events.CellStateChanged(4, "a", "idle", "ok"),
    session_events.KernelStateChanged(5, "dead", "it was killed"),
    session_events.InputAsked(6, "a", "? "),
    session_events.InputAnswered(7, "a"),
    session_events.Saved(8, "n.ipynb"),
    session_events.SaveFailed(9, "the disk is full"),
    session_events.MetadataChanged(10, {"a": 1}),
    session_events.TextAppended(11, "a", 0, "x"),
]


def validator(direction: str) -> Draft202012Validator:
    """For messages of one direction."""
    schema = json_schema()
    return Draft202012Validator({"$defs": schema["$defs"], "$ref": f"#/$defs/{direction}"})


def test_it_is_a_schema() -> None:
    """Of JSON alone."""
    schema = json.loads(json.dumps(json_schema()))
    Draft202012Validator.check_schema(schema)
    assert schema["oneOf"] == [{"$ref": "#/$defs/FromFrontEnd"}, {"$ref": "#/$defs/ToFrontEnd"}]


def test_each_message_of_a_front_end_fits_and_others_do_not() -> None:
    """As the server reads them."""
    fits = validator("FromFrontEnd").is_valid
    for kind, sample in SAMPLES.items():
        assert fits({"type": kind, "id": 3, **sample}), kind
        assert not fits({"type": kind, **sample})
        assert not fits({"type": kind, "id": 3, **sample, "more": 1})
    assert not fits({"type": "snapshot", "id": 3})


def test_each_thing_that_is_told_fits() -> None:
    """As it is sent, in this schema and in the models of the table."""
    assert {type(told) for told in TOLD} == set(get_args(session_events.Told))
    assert TO_FRONT_ENDS.keys() == {told.type for told in TOLD} | {"ok", "error"}
    fits = validator("ToFrontEnd").is_valid
    for told in TOLD:
        text = encoded(told)
        assert fits(json.loads(text)), told
        TO_FRONT_ENDS[told.type].model_validate_json(text)
        assert not fits({**json.loads(text), "type": "other"})
        for field in dataclasses.fields(told):
            rest = {name: value for name, value in json.loads(text).items() if name != field.name}
            assert not fits(rest), field.name


def test_answers_fit() -> None:
    """As they are sent."""
    fits = validator("ToFrontEnd").is_valid
    assert fits(Ok(id=1, cell_ids=["a"]).model_dump(exclude_none=True))
    assert fits(Error(id=None, message="it is wrong").model_dump())
    assert not fits({"type": "ok"})


def test_each_field_says_what_it_is() -> None:
    """But those whose names do."""
    definitions = json_schema()["$defs"]
    assert {"FromFrontEnd", "ToFrontEnd", "EditCellDone", "Question"} <= definitions.keys()
    for kind in (*FROM_FRONT_ENDS.values(), *TO_FRONT_ENDS.values()):
        assert definitions[kind.__name__]["description"], kind
    told = definitions["OutputsChanged"]["properties"]["start"]["description"]
    assert told == "Outputs from this place on, from 0, are replaced by `outputs`."
