"""A handler is asked for the types that it wants, and for no other."""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient.sidecar.actions.handlers import DebugHandler, Handler, method_for
from conkernelclient.sidecar.models import parse


class Some(Handler):
    """Wants two types."""

    def handle_stream(self, message: Any) -> None:
        """Take it."""

    async def handle_execute_reply(self, message: Any) -> None:
        """Take it."""


class Rest(Some):
    """Wants the others as well."""

    def unhandled_message(self, message: Any) -> None:
        """Take it."""


def test_the_method_of_a_type_is_found() -> None:
    """What has none is not wanted, unless the handler takes all; callables take all."""
    some, rest = Some(), Rest()
    assert method_for(some, "stream") == some.handle_stream
    assert method_for(some, "execute_reply") == some.handle_execute_reply
    assert method_for(some, "status") is None
    assert method_for(rest, "stream") == rest.handle_stream
    assert method_for(rest, "status") == rest.unhandled_message
    assert method_for(print, "status") is print


def test_one_that_debugs_counts_and_keeps_the_last() -> None:
    """And says what came in place of what did not."""
    debug = DebugHandler()
    for text in ("a", "b"):
        message = {
            "header": {"msg_id": text, "msg_type": "stream"},
            "content": {"name": "stdout", "text": text},
        }
        debug.unhandled_message(parse(message))
    assert debug.counts == {"stream": 2}
    last: Any = debug.get_last_msg("stream")
    assert last.content.text == "b"
    with pytest.raises(KeyError, match="these did: stream"):
        debug.get_last_msg("error")
