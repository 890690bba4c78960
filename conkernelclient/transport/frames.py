"""
Where does one message end and the next one begin, among the frames that a socket gives?

pyzmq tells whether more frames follow only with a frame that is an object of its own, and such a
one costs four times what plain bytes cost. A message of the Jupyter protocol has the delimiter and
five parts, and at most a topic before them; what is shorter is no message. So all parts but the
last are received as bytes, and only the last one is asked. What turns out not to be laid out like
that makes the reader ask each frame for a while.

Source: Jupyter messaging 5.5, "The wire protocol"; zmq_recv(3), "Multi-part messages".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import zmq

from ..protocol.wire import DELIMITER, LARGE, PARTS

if TYPE_CHECKING:
    from ..protocol.messages import Frame

__all__ = ["EVENTS", "NOBLOCK", "POLLIN", "FrameReader"]

# As integers: pyzmq's own are enums, whose operators take longer than what they are for.
NOBLOCK: Final = int(zmq.NOBLOCK)
EVENTS: Final = int(zmq.EVENTS)
POLLIN: Final = int(zmq.POLLIN)
# What is received without a look, after the delimiter, or after what stands in its place.
AFTER_DELIMITER: Final = (NOBLOCK,) * (PARTS - 1)
AFTER_TOPIC: Final = (NOBLOCK,) * PARTS
USUAL: Final = 2 + PARTS  # frames, with a topic and without binary buffers
ASKED: Final = 1_000  # messages of which each frame is asked, once something was wrong


class FrameReader:
    """
    Reads the messages of one socket.

    What is no message of the Jupyter protocol, and comes unexpected, may be given together with
    what comes next; a message that is one is never cut.

    Args:
        socket: Where they come; only this reads it.
    """

    __slots__ = ("_asked", "_get", "_receive")

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        # Without what pyzmq puts around it, for sockets of other kinds.
        self._receive: Any = super(zmq.Socket, socket).recv
        self._get: Any = super(zmq.Socket, socket).get
        self._asked = 0

    def read(self, batch: list[list[Frame]], limit: int) -> bool:
        """
        Add messages to `batch` until it has `limit`; tells whether the socket is empty now.

        Raises:
            zmq.ZMQError: The socket is gone. What came before is in `batch`.
        """
        receive = self._receive
        while len(batch) < limit:
            if self._asked:
                if not self._read_asked(batch):
                    return True
                continue
            try:
                first = receive(NOBLOCK)
            except zmq.Again:
                return True
            frames: list[Frame] = [first]
            try:
                # Where it ends early, what was received stays in the list.
                frames += map(receive, AFTER_DELIMITER if first == DELIMITER else AFTER_TOPIC)
                last = receive(NOBLOCK, False)
            except zmq.Again:
                self._asked = ASKED
                batch.append(frames)
                return True
            if last.more or len(last) >= LARGE:
                self._go_on(frames, last)
            else:
                frames.append(last.bytes)
            batch.append(frames)
            is_in_place = first == DELIMITER or frames[1] == DELIMITER
            if not is_in_place or (len(frames) > USUAL and frames.count(DELIMITER) > 1):
                self._asked = ASKED
            if len(batch) == 1 and not self._get(EVENTS) & POLLIN:  # often it is the only one
                return True
        return False

    def _read_asked(self, batch: list[list[Frame]]) -> bool:
        """Add one message to `batch`, if there is one, asking each frame."""
        try:
            frame = self._receive(NOBLOCK, False)
        except zmq.Again:
            return False
        frames: list[Frame] = []
        self._go_on(frames, frame)
        batch.append(frames)
        self._asked -= 1
        return True

    def _go_on(self, frames: list[Frame], frame: zmq.Frame) -> None:
        """Add what `frame` holds, and what follows it; what is large is not copied."""
        while True:
            frames.append(frame.bytes if len(frame) < LARGE else frame.buffer)
            if not frame.more:
                return
            frame = self._receive(NOBLOCK, False)
