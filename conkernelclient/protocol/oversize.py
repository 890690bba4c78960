"""
What is left of a message that is too large to be kept?

Who waits for it gets something at once, and reads there what became of it: of a reply an error, of
an output a line on stderr. Of the rest nothing is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .messages import Channel, Content

if TYPE_CHECKING:
    from .incoming import Incoming

__all__ = ["put_note_in"]


def put_note_in(channel: Channel, message: Incoming, limit: int) -> None:
    """Replace what `message` carries by a note that it had more bytes than `limit`."""
    article = "an" if message.msg_type[:1] in "aeiou" else "a"
    note = (
        f"{article} {message.msg_type} of {message.size} bytes was left out: "
        f"max_message_bytes is {limit}"
    )
    content: Content
    if message.msg_type.endswith("_reply"):
        content = {"status": "error", "ename": "ProtocolError", "evalue": note, "traceback": []}
        message.replace(message.msg_type, content)
    elif message.msg_type == "input_request":
        message.replace(message.msg_type, {"prompt": f"[{note}] ", "password": False})
    elif channel == "iopub":
        message.replace("stream", {"name": "stderr", "text": f"[{note}]\n"})
    else:
        message.replace(message.msg_type, {})
