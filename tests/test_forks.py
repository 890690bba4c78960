"""What does a forked child do to the clients of its parent?"""

from __future__ import annotations

import os

from conkernelclient import run_kernel


async def test_a_client_stopped_in_a_forked_child_goes_on_in_the_parent() -> None:
    """The child's `stop_channels` takes nothing out of the epoll that both share."""
    async with run_kernel("python3") as kc:
        child = os.fork()
        if child == 0:
            try:
                kc.stop_channels()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        reply = await kc.execute("1", reply=True, timeout=4)
        assert reply["content"]["status"] == "ok"
