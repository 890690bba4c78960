"""Are the messages of comms typed, whichever side sends them?"""

from __future__ import annotations

from typing import Any

from conkernelclient.sidecar.models import CommMsg, CommOpen, parse

from .samples import message


def test_a_comm_gets_an_id_of_its_own() -> None:
    """Unless its maker names one."""
    first, second = CommOpen.make(target_name="t"), CommOpen.make(target_name="t")
    assert first.content.comm_id != second.content.comm_id
    assert CommOpen.make(target_name="t", comm_id="c").content.comm_id == "c"
    assert first.to_message()["content"]["data"] == {}


def test_data_is_what_a_kernel_sends() -> None:
    """A dict, as a rule, with its buffers beside it."""
    view = memoryview(b"image")
    model = parse(message("comm_msg", {"comm_id": "c", "data": {"state": {}}}, buffers=[view]))
    assert isinstance(model, CommMsg)
    assert model.content.data == {"state": {}}
    assert model.buffers[0] is view
    others: list[Any] = ["text", [1], None]
    for other in others:
        content = {"comm_id": "c", "data": other}
        assert parse(message("comm_msg", content)).content.data == other
