"""Does each message become its model, and the model the same message again?"""

from __future__ import annotations

import copy
from collections import UserDict
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient import run_kernel
from conkernelclient.errors import ProtocolError, UnparseableMessageError
from conkernelclient.sidecar import models
from conkernelclient.sidecar.models import RawMessage, Request, Stream, WireModel, known, parse
from tests.clients import until

from .samples import ALL, MIME, message

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)
# Python objects that no JSON holds, and that have surprising truth, keys or lengths.
ODD: Final = st.one_of(
    JSON, st.binary(max_size=3), st.tuples(JSON), st.sets(st.integers(), max_size=2), st.just(...)
)
DECLARED: Final = {
    name
    for value in vars(models).values()
    if isinstance(value, type) and issubclass(value, WireModel)
    for name in value.model_fields
}
EXTRA: Final = st.dictionaries(
    st.text(max_size=5).filter(lambda name: name not in DECLARED), JSON, max_size=2
)
# Objects whose names are a kernel's: there is no field to add.
TABLES: Final = ("user_expressions", "comms")


def typed(value: Any) -> Any:
    """A value that equals another only if all in it is of the same types: `True == 1`."""
    if isinstance(value, dict):
        return {key: typed(part) for key, part in value.items()}
    if isinstance(value, list):
        return [typed(part) for part in value]
    return (type(value), value)


def with_extras(extras: Iterator[dict[str, Any]], part: Any, name: str = "") -> Any:
    """A copy of `part` with fields added to each object in it."""
    if isinstance(part, list):
        return [with_extras(extras, one) for one in part]
    if not isinstance(part, dict):
        return part
    whole = {key: with_extras(extras, one, key) for key, one in part.items()}
    return whole if name in TABLES else whole | next(extras)


@st.composite
def messages_with_extras(draw: st.DrawFn) -> dict[str, Any]:
    """A message of a known type, with fields of a kernel's own at any place."""
    extras = draw(st.lists(EXTRA, min_size=1, max_size=3))
    return with_extras(cycle(extras), message(*draw(st.sampled_from(ALL))))


def damaged(draw: st.DrawFn, part: Any) -> Any:
    """A copy of `part` in which something is missing, or is something else."""
    if not isinstance(part, (dict, list)) or not part or draw(st.integers(0, 4)) == 0:
        return draw(ODD)
    changed = copy.copy(part)
    at = draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
    if isinstance(changed, dict) and draw(st.booleans()):
        del changed[at]
    else:
        changed[at] = damaged(draw, changed[at])
    return changed


@st.composite
def damaged_messages(draw: st.DrawFn) -> dict[str, Any]:
    """A message whose content, or another part of it, does not fit its type."""
    whole = message(*draw(st.sampled_from(ALL)))
    part = draw(st.sampled_from(["content", "content", "content", "header", "", "buffers"]))
    return damaged(draw, whole) if not part else whole | {part: damaged(draw, whole[part])}


def test_each_type_that_has_a_model_is_tried() -> None:
    """So that a new one cannot be left out."""
    assert {msg_type for msg_type, _ in ALL} == known().keys()


@pytest.mark.parametrize(("msg_type", "content"), ALL, ids=lambda part: str(part)[:40])
def test_a_message_becomes_its_model_and_the_same_message_again(
    msg_type: str, content: dict[str, Any]
) -> None:
    """Each type, in each of its forms."""
    whole = message(msg_type, content)
    before = copy.deepcopy(whole)
    model = parse(whole)
    assert type(model) is known()[msg_type]
    assert (model.msg_type, model.msg_id) == (msg_type, f"id of {msg_type}")
    assert typed(model.to_message()) == typed(before) == typed(whole)


@given(messages_with_extras())
def test_fields_of_a_kernels_own_survive_at_any_place(whole: dict[str, Any]) -> None:
    """And do not change what model it is."""
    model = parse(whole)
    assert type(model) is known()[whole["header"]["msg_type"]]
    assert typed(model.to_message()) == typed(whole)


@given(damaged_messages())
def test_a_damaged_message_is_refused_or_given_back_as_it_is(whole: Any) -> None:
    """No value is converted, and no other error comes."""
    try:
        model = parse(whole)
    except UnparseableMessageError:
        return
    assert typed(model.to_message()) == typed(whole)


@pytest.mark.parametrize(
    ("msg_type", "content"),
    [
        ("execute_input", {"code": "", "execution_count": True}),
        ("execute_input", {"code": "", "execution_count": "3"}),
        ("execute_input", {"code": "", "execution_count": 3.0}),
        ("execute_input", {"code": b""}),
        ("error", {"traceback": ("a",)}),
        ("kernel_info_reply", {"help_links": ({},)}),
        ("clear_output", {"wait": 1}),
        ("display_data", {"data": [("text/plain", "a")]}),
        ("execute_reply", {"user_expressions": {"a": None}}),
        ("comm_info_reply", {"comms": {"c": None}}),
    ],
    ids=str,
)
def test_no_value_is_converted(msg_type: str, content: dict[str, Any]) -> None:
    """It would not come back as it was: it does not fit."""
    with pytest.raises(UnparseableMessageError, match=r"content\."):
        parse(message(msg_type, content))


@given(ODD | st.fixed_dictionaries({"header": ODD}) | EXTRA)
def test_rubbish_raises_one_error(rubbish: Any) -> None:
    """Whatever it is."""
    with pytest.raises(UnparseableMessageError, match=r"^no "):
        parse(rubbish)


def test_an_unknown_type_is_a_raw_message() -> None:
    """With all that is in it."""
    whole = message("of_its_own", {"a": {"b": [1]}})
    model = parse(whole)
    assert type(model) is RawMessage
    assert model.content == {"a": {"b": [1]}}
    assert model.to_message() == whole


def test_buffers_and_bundles_are_the_messages_own() -> None:
    """What is large is not copied, in neither direction."""
    buffers = [memoryview(b"abc"), b"de", bytearray(b"f")]
    whole = message("display_data", {"data": MIME}, buffers=buffers)
    model: Any = parse(whole)
    again = model.to_message()
    for mine, theirs, back in zip(model.buffers, buffers, again["buffers"], strict=True):
        assert mine is theirs is back
    assert model.content.data is MIME is again["content"]["data"]


def test_a_lone_surrogate_in_a_text_is_no_problem() -> None:
    """Python prints them, and the client carries them."""
    model: Any = parse(message("stream", {"name": "stdout", "text": "\ud800"}))
    assert model.content.text == "\ud800"


def test_only_the_type_has_to_be_there() -> None:
    """A message without an id, a parent, metadata and buffers is one."""
    whole = {"header": {"msg_type": "stream", "msg_id": ""}, "content": {"name": "a", "text": "b"}}
    model = parse(UserDict(whole))
    assert isinstance(model, Stream)
    assert (model.parent_id, model.metadata, model.buffers, model.channel) == ("", {}, [], None)
    assert model.to_message() == whole


def test_a_null_is_a_field_that_was_left_out_and_is_there_again() -> None:
    """Kernels in languages with nil send them for what is empty."""
    links = [{"text": None, "url": "u"}, {"url": None}, {"text": None, "url": None}]
    info = {"banner": None, "help_links": links, "language_info": {"name": None, "x": None}}
    whole = message("kernel_info_reply", info, parent_header=None, buffers=None, metadata=None)
    model: Any = parse(whole)
    assert (model.content.banner, model.content.language_info.name) == ("", "")
    assert [link.url for link in model.content.help_links] == ["u", "", ""]
    assert (model.parent_header.msg_id, model.buffers, model.metadata) == ("", [], {})
    assert model.to_message() == whole
    model.metadata = {"now": 1}
    assert model.to_message()["metadata"] == {"now": 1}


def test_the_error_says_what_is_wrong_and_where() -> None:
    """And which message it was."""
    with pytest.raises(UnparseableMessageError) as caught:
        parse(message("stream", {"name": 1}))
    error = caught.value
    assert isinstance(error, ProtocolError)
    assert (error.msg_type, error.msg_id) == ("stream", "id of stream")
    assert error.problems[1] == "content.text: missing"
    assert str(error).startswith("no stream: content.name: ")


def test_many_problems_are_told_in_part() -> None:
    """A message of a thousand wrong items makes no error of a thousand lines."""
    wrong = dict.fromkeys(map(str, range(1_000)), 1)
    with pytest.raises(UnparseableMessageError, match=r"; and 990 more$") as caught:
        parse(message("execute_reply", {"user_expressions": wrong}))
    assert len(caught.value.problems) == 10
    with pytest.raises(UnparseableMessageError) as caught:
        parse(message("complete_reply", {"matches": [1] * 1_000}))
    assert len(caught.value.problems) == 1


def test_deep_content_goes_through() -> None:
    """Nothing looks into what is not typed."""
    deep: Any = 0
    for _ in range(20_000):
        deep = [deep]
    whole = message("comm_msg", {"comm_id": "c", "data": deep})
    assert parse(whole).to_message()["content"]["data"] is deep


CODE: Final = """
import sys
from IPython.display import clear_output, display
from comm import create_comm
print("out"); print("err", file=sys.stderr)
shown = display({"text/plain": "a"}, raw=True, display_id="d")
shown.update({"text/plain": "b"}, raw=True)
clear_output()
comm = create_comm(target_name="t", data={"a": 1}, buffers=[b"abc"]); comm.send({}); comm.close()
get_ipython().set_next_input("next")
get_ipython().payload_manager.write_payload({"source": "page", "data": {}, "start": 0})
input("? ")
"""


def asked_of_a_kernel() -> list[Request]:
    """One of each request, but what ends the kernel."""
    code = {"code": "prin"}
    return [
        models.ExecuteRequest.make(code="1", user_expressions={"a": "2", "b": "nothing"}),
        models.ExecuteRequest.make(code="1/0", stop_on_error=False),
        models.CompleteRequest.make(**code),
        models.InspectRequest.make(code="print"),
        models.HistoryRequest.make(hist_access_type="tail", n=3, output=True),
        models.IsCompleteRequest.make(code="if 1:"),
        models.KernelInfoRequest.make(),
        models.CommInfoRequest.make(),
        models.ConnectRequest.make(),
        models.InterruptRequest.make(),
        models.DebugRequest.make(command="debugInfo"),
        models.DebugRequest.make(command="dumpCell", arguments={"code": "1"}),
        models.CreateSubshellRequest.make(),
        models.DeleteSubshellRequest.make(subshell_id="none"),
        models.ListSubshellRequest.make(),
    ]


async def test_all_that_a_real_kernel_says_has_a_model() -> None:
    """And is the same message again; each request of ours gets the reply that it names."""
    seen: list[Any] = []
    async with run_kernel("python3") as kc:
        subscription = kc.subscribe(seen.append)
        result = await kc.run(CODE, on_stdin=lambda _: "answer")
        assert result.status == "ok", result.text
        for asked in asked_of_a_kernel():
            reply = await kc.request(asked.TYPE, asked.content.to_wire(), asked.CHANNEL, timeout=30)
            assert reply["msg_type"] == asked.reply_type()
        last = "list_subshell_reply"
        await until(lambda: any(whole["msg_type"] == last for whole in seen))
        subscription.close()
    for whole in seen:
        model = parse(whole)
        assert type(model) is known()[whole["header"]["msg_type"]]
        assert typed(model.to_message()) == typed(whole)
    published = {"status", "stream", "display_data", "update_display_data", "clear_output", "error"}
    comms = {"comm_open", "comm_msg", "comm_close"}
    some = {"execute_input", "execute_result", "execute_reply", "input_request"}
    assert {whole["msg_type"] for whole in seen} >= published | comms | some
