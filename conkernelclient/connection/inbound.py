"""
How does what the transport receives become messages, whatever comes?

What is no message, or none of ours, costs itself: it is counted, and logged once. What a kernel
tore apart is put together where that can be. A message that takes long to verify is verified in a
thread; what comes after it on its channel waits for it, so that the order is kept.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ..errors import ProtocolError
from ..protocol.messages import CHANNELS
from ..protocol.oversize import put_note_in
from ..protocol.reassembly import Pieces
from ..protocol.wire import json_of
from ..transport.base import BATCH

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel, Frame
    from ..protocol.wire import Check, Wire

__all__ = ["Inbound"]

SLOW: Final = 2**20  # bytes of JSON from which a thread verifies them: about a millisecond

logger: Final = logging.getLogger(__name__)


class Inbound:
    """
    The way in of one connection.

    Args:
        wire: Reads the frames.
        deliver: Takes each message.

    Attributes:
        max_message_bytes: Of a larger message only a note is delivered; None: no bound.
        counts: "received" and "bytes_received": messages that came; "rejected": what was none as it
            came; "too_large": those over the bound.
    """

    def __init__(self, wire: Wire, deliver: Callable[[Channel, Incoming], None]) -> None:
        self._wire = wire
        self._deliver = deliver
        self._pieces: dict[Channel, Pieces] = {name: Pieces() for name in CHANNELS}
        self.max_message_bytes: int | None = None
        # By channel what is being verified, and what waits behind it.
        self._lines: dict[Channel, deque[list[Frame]]] = {}
        # What was read, and is being delivered.
        self._ready: dict[Channel, deque[Incoming]] = {name: deque() for name in CHANNELS}
        self.counts: dict[str, int] = {
            "received": 0,
            "bytes_received": 0,
            "rejected": 0,
            "too_large": 0,
        }

    def deliver_by(self, deliver: Callable[[Channel, Incoming], None]) -> None:
        """Let `deliver` take each message from now on."""
        self._deliver = deliver

    def take(
        self,
        channel: Channel,
        batch: list[list[Frame]],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        """
        Take the frames of messages; a thread that verifies one tells `loop`.

        All are read before the first one is delivered: see `BATCH`.
        """
        ready, unpack = self._ready[channel], self._wire.unpack
        for frames in batch:
            size = sum(map(len, frames))
            if (self._lines or size >= SLOW) and self._waits(channel, frames, loop):
                continue
            try:
                ready.append(unpack(frames, None, size))
            except ProtocolError as error:
                self._mend(channel, frames, error)
        self._hand_out(channel, loop)

    def _hand_out(self, channel: Channel, loop: asyncio.AbstractEventLoop | None) -> None:
        """Deliver what was read, the oldest first, also if a delivery lets us receive more."""
        ready, deliver = self._ready[channel], self._deliver
        number = size = 0
        try:
            while ready:
                message = ready.popleft()
                size += message.size
                number += 1
                try:
                    if self.max_message_bytes is not None:
                        self._cut(channel, message, self.max_message_bytes)
                    deliver(channel, message)
                except Exception:  # one message may cost no more than itself
                    logger.exception("could not deliver %r from %s", message, channel)
        finally:
            self.counts["received"] += number
            self.counts["bytes_received"] += size
            if ready and loop is not None and not loop.is_closed():  # such as by Control-C
                loop.call_soon(self._hand_out, channel, loop)

    def _take_one(self, channel: Channel, frames: list[Frame], check: Check | None) -> None:
        try:
            self._ready[channel].append(self._wire.unpack(frames, check))
        except ProtocolError as error:
            self._mend(channel, frames, error)
        self._hand_out(channel, None)

    def _mend(self, channel: Channel, frames: list[Frame], error: ProtocolError) -> None:
        """Count what is no message, and read the one that may end in it."""
        if not self.counts["rejected"]:
            logger.warning(
                "rejected a message on %s: %s; further ones are only counted, in "
                "stats()['rejected']",
                channel,
                error,
            )
        self.counts["rejected"] += 1
        message = self._pieces[channel].mend(frames, self._wire.unpack)
        if message is not None:
            self._ready[channel].append(message)

    def _waits(
        self, channel: Channel, frames: list[Frame], loop: asyncio.AbstractEventLoop | None
    ) -> bool:
        """Let it wait for a thread, or for what came before it; False if it need not."""
        if channel in self._lines:
            self._lines[channel].append(frames)
            return True
        if loop is None or not _is_slow(frames):
            return False
        line = self._lines[channel] = deque((frames,))
        self._begin(channel, line, loop)
        return True

    @property
    def rejected(self) -> int:
        """What was no message; a large content tells only when it is read."""
        return self.counts["rejected"] + self._wire.unreadable

    @property
    def is_behind(self) -> bool:
        """Whether something that came is still being verified."""
        return bool(self._lines)

    def clear(self, channel: Channel | None = None) -> None:
        """Drop what is being verified, and what waits for it, of one channel or of all."""
        for name in CHANNELS if channel is None else (channel,):
            self._lines.pop(name, None)
            self._ready[name].clear()
            self._pieces[name].clear()

    def finish(self) -> None:
        """Read now what waits: a thread can tell nothing in a loop that is closed."""
        lines, self._lines = self._lines, {}
        for channel, line in lines.items():
            for frames in line:
                self._take_one(channel, frames, None)

    def _begin(
        self, channel: Channel, line: deque[list[Frame]], loop: asyncio.AbstractEventLoop
    ) -> None:
        """Verify the first message of `line` in a thread, then go on in `loop`."""
        frames = line[0]

        def work() -> None:
            check: Check | None = None
            with suppress(Exception):  # `unpack` will say what is wrong
                check = self._wire.check(frames)
            with suppress(RuntimeError):  # the loop was closed meanwhile: see `finish`
                loop.call_soon_threadsafe(self._go_on, channel, line, check, loop)

        try:
            threading.Thread(target=work, name="conkernelclient-verify", daemon=True).start()
        except RuntimeError:  # there are too many threads: it holds the loop
            loop.call_soon(self._go_on, channel, line, None, loop)

    def _go_on(
        self,
        channel: Channel,
        line: deque[list[Frame]],
        check: Check | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Deliver what was verified, and what waits behind it, up to the next slow one."""
        for _ in range(BATCH):
            if self._lines.get(channel) is not line:
                return  # it was closed
            self._take_one(channel, line.popleft(), check)
            check = None
            if not line:
                if self._lines.get(channel) is line:
                    del self._lines[channel]
                return
            if _is_slow(line[0]):
                self._begin(channel, line, loop)
                return
        loop.call_soon(self._go_on, channel, line, None, loop)

    def _cut(self, channel: Channel, message: Incoming, limit: int) -> None:
        """Leave out the content of `message` if it has more than `limit` bytes."""
        if message.size <= limit:
            return
        if not self.counts["too_large"]:
            logger.warning(
                "left out the content of %r on %s: it has %d bytes, and max_message_bytes is %d; "
                "further ones are only counted, in stats()['too_large']",
                message,
                channel,
                message.size,
                limit,
            )
        self.counts["too_large"] += 1
        put_note_in(channel, message, limit)


def _is_slow(frames: list[Frame]) -> bool:
    """Whether their JSON, which comes before the binary buffers, takes long to verify."""
    return sum(map(len, json_of(frames))) >= SLOW
