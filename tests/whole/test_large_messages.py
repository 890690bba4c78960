"""A large message is verified in a thread, in its order, and read when somebody looks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import errors
from conkernelclient.connection.inbound import SLOW
from conkernelclient.protocol.wire import LARGE
from tests.clients import LONG, client_of, until

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager

TEXT = "x" * LARGE
HUGE = "y" * (SLOW + 1)


async def test_a_real_kernel_s_large_outputs_and_buffers_come_whole(km: ConKernelManager) -> None:
    """In their order, with what is printed around them."""
    size = 3 * SLOW
    async with client_of(km) as kc:
        result = await asyncio.wait_for(
            kc.run(f"print('a'); print('b' * {size}); print('c'); 'd' * {size}"), LONG
        )
        assert result.stdout == f"a\n{'b' * size}\nc\n"
        assert result.data == {"text/plain": repr("d" * size)}
        buffers: list[Any] = []
        kc.subscribe(lambda msg: buffers.extend(msg["buffers"]), msg_type="comm_open")
        await asyncio.wait_for(
            kc.run(
                "from comm import create_comm\n"
                f"comm = create_comm(target_name='t', buffers=[b'e' * {size}])"
            ),
            LONG,
        )
        await until(lambda: buffers)
        assert bytes(buffers[0]) == b"e" * size


async def test_a_death_waits_for_the_large_last_words(km: ConKernelManager) -> None:
    """What had come is in the error's result, although a thread was still at it."""
    async with client_of(km) as kc:
        run = kc.run(
            f"print('w' * {SLOW}, flush=True); import os, time; time.sleep(1); os._exit(3)"
        )
        with pytest.raises(errors.DeadKernelError) as death:
            await asyncio.wait_for(run, LONG)
        assert death.value.result is not None
        assert death.value.result.stdout == "w" * SLOW + "\n"
