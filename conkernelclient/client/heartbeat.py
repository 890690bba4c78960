"""
Does the kernel answer pings?

A thread asks again and again, as jupyter_client's does. It runs only where a program wants to know:
the client itself learns of the kernel's end from its manager and its sockets, sooner.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import time
from typing import Any, Final, cast

import zmq
from jupyter_client.channels import HBChannel

__all__ = ["ConHBChannel"]

logger: Final = logging.getLogger(__name__)

STEP: Final = 0.02  # seconds after which `stop` is heeded while the first answer is waited for
LINGER: Final = 1000  # milliseconds, as jupyter_client's


class ConHBChannel(HBChannel):
    """
    The heartbeat channel.

    It may be stopped as soon as it was started, and needs no event loop for its thread.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Done when it is known whether the first ping was answered.
        self._has_looked: concurrent.futures.Future[None] = concurrent.futures.Future()

    async def until_looked(self) -> None:
        """Wait until it is known whether the kernel answers; at most `time_to_dead` seconds."""
        if self.is_alive() and not self._has_looked.done():
            await asyncio.wait((asyncio.wrap_future(self._has_looked),))

    def run(self) -> None:
        """Ping the kernel until `stop`."""
        self._beating = True
        try:
            if not self._exit.is_set():
                self._create_socket()
            while not self._exit.is_set():
                self._running = True
                if self._pause:
                    self._exit.wait(self.time_to_dead)
                else:
                    self._beat()
        except zmq.ZMQError as error:  # the context was ended, or there is no descriptor left
            logger.debug("the heartbeat ends: %s", error)
        finally:
            self._running = False
            self._beating = False
            self.close()
            self._note_look()

    def _create_socket(self) -> None:
        """Open a socket, anew if the kernel did not answer on the last one."""
        self.close()
        # A plain one, and not among the sockets that the client's thread closes.
        context = zmq.Context(cast("zmq.Context[Any]", self.context))
        socket = context.socket(zmq.REQ)
        self.socket = socket
        socket.linger = LINGER
        if self.curve_serverkey is not None:
            socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
            socket.curve_serverkey = self.curve_serverkey
        socket.connect(str(self.address))

    def _beat(self) -> None:
        socket = self.socket
        assert socket is not None
        socket.send(b"ping")
        began = time.monotonic()
        is_answered = self._wait_for_answer(socket)
        if self._exit.is_set():
            return
        self._beating = is_answered
        self._note_look()
        if is_answered:
            socket.recv()
        else:
            self.call_handlers(time.monotonic() - began)
            self._create_socket()

    def _wait_for_answer(self, socket: zmq.Socket[bytes]) -> bool:
        if self._has_looked.done():
            self._exit.wait(self.time_to_dead)
            return bool(socket.poll(0))
        deadline = time.monotonic() + self.time_to_dead
        while not self._exit.is_set() and (left := deadline - time.monotonic()) > 0:
            if socket.poll(int(min(left, STEP) * 1000)):  # somebody may wait for it
                return True
        return False

    def _note_look(self) -> None:
        if not self._has_looked.done():
            self._has_looked.set_result(None)
