"""Each message is read as what it is, or it is told what is wrong with it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.errors import ConKernelError
from conkernelclient.sidecar.document import edits
from conkernelclient.sidecar.server.messages import (
    EDITS,
    FROM_FRONT_ENDS,
    MOST,
    Cancel,
    EditMessage,
    RubbishError,
    read,
)

SAMPLES: dict[str, dict[str, Any]] = {
    "subscribe": {},
    "add_cell": {"cell": {"source": "1"}, "index": 0},
    "delete_cell": {"cell_id": "a"},
    "move_cell": {"cell_id": "a", "index": 1},
    "edit_cell": {"cell_id": "a", "source": "1"},
    "change_type": {"cell_id": "a", "cell_type": "raw"},
    "replace_cell": {"cell_id": "a", "cell": {"id": "a"}},
    "set_metadata": {"cell_id": None, "metadata": {}},
    "set_attachments": {"cell_id": "a", "attachments": {}},
    "set_outputs": {"cell_id": "a", "outputs": [], "execution_count": 1, "source_hash": "x"},
    "clear_outputs": {"cell_id": "a"},
    "run_cell": {"cell_id": "a"},
    "run_all": {},
    "run_dependants": {"cell_id": "a"},
    "cancel": {"cell_id": "a"},
    "interrupt": {},
    "restart": {},
    "answer": {"cell_id": "a", "text": "1"},
    "save": {"force": True},
    "complete": {"code": "1", "cursor_pos": 1},
    "inspect": {"code": "1", "cursor_pos": 1, "detail_level": 1},
}


def test_there_is_a_sample_of_each() -> None:
    """So that what follows is about all of them."""
    assert SAMPLES.keys() == FROM_FRONT_ENDS.keys()


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_message_is_read_as_its_type(kind: str) -> None:
    """With all its fields, and no other."""
    message = read(json.dumps({"type": kind, "id": 3, **SAMPLES[kind]}))
    assert type(message) is FROM_FRONT_ENDS[kind]
    assert message.model_dump() == {"type": kind, "id": 3, **SAMPLES[kind]}
    for wrong in ({"more": 1}, {"id": "3"}, {"id": None}, {"id": 3.0}):
        with pytest.raises(RubbishError):
            read(json.dumps({"type": kind, "id": 3, **SAMPLES[kind], **wrong}))
    for name in SAMPLES[kind]:
        with pytest.raises(RubbishError, match=name):
            read(json.dumps({"type": kind, "id": 3, **SAMPLES[kind], name: [[]]}))


def test_there_is_a_message_for_each_edit() -> None:
    """With its fields, which it becomes again; what need not be said has the edit's default."""
    assert {message.EDIT for message in EDITS} == set(get_args(edits.Edit))
    for kind in EDITS:
        name = get_args(kind.model_fields["type"].annotation)[0]
        message = read(json.dumps({"type": name, "id": 3, **SAMPLES[name]}))
        assert isinstance(message, EditMessage)
        assert dataclasses.asdict(message.to_edit()) == {"type": name, **SAMPLES[name]}
    message = read('{"type": "add_cell", "id": 1, "cell": {}}')
    assert isinstance(message, EditMessage)
    assert message.to_edit() == edits.AddCell({})


def test_a_field_that_is_not_needed_has_its_default() -> None:
    """As without a cell all are cancelled."""
    message = read('{"type": "cancel", "id": 1}')
    assert isinstance(message, Cancel)
    assert message.cell_id is None


@pytest.mark.parametrize(
    ("text", "said", "message_id"),
    [
        ("{", "no JSON", None),
        ("[]", "JSON object", None),
        ('{"type": "save", "id": Infinity}', "no number of JSON", None),
        ("[" * 100_000, "nested too deeply", None),
        ("9" * 5_000, "no JSON", None),
        ('{"id": 4, "type": "pie"}', "no message of type 'pie'", 4),
        ('{"id": 4}', "no message of type None", 4),
        ('{"id": 4, "type": "run_cell"}', "run_cell: cell_id: Field required", 4),
        ('{"id": 4, "type": "save", "a": 1, "b": 1, "c": 1, "d": 1, "e": 1}', "and 2 more", 4),
        (json.dumps({"id": 4, "type": "p" * 9_999}), "ppp", 4),
        (json.dumps({"id": 4, "type": "save", "p" * 9_999: 1}), "ppp", 4),
        (" " * (MOST + 1), f"{MOST} are read at most", None),
    ],
)
def test_what_is_wrong_is_told_in_a_line(text: str, said: str, message_id: int | None) -> None:
    """With the id, so that the asker knows which of its messages it was."""
    with pytest.raises(RubbishError) as caught:
        read(text)
    assert isinstance(caught.value, ConKernelError)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert caught.value.message_id == message_id


SHORT = st.text(max_size=5)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | SHORT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SHORT, inner, max_size=3),
)
FIELDS = ["id", "cell_id", "cell", "index", "source", "metadata", "code"]


@given(
    st.text(max_size=50)
    | ANY_JSON.map(json.dumps)
    | st.builds(
        lambda kind, fields: json.dumps({"type": kind, **fields}),
        st.sampled_from(sorted(SAMPLES)),
        st.dictionaries(st.sampled_from(FIELDS), ANY_JSON),
    )
)
def test_anything_is_a_message_or_rubbish(text: str) -> None:
    """No other error."""
    try:
        message = read(text)
    except RubbishError:
        return
    assert message.model_dump()["type"] in SAMPLES
