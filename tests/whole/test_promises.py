"""Every promise of the README of conkernelclient 0.0.4 holds, with the calls that stand there."""

from __future__ import annotations

import asyncio

from jupyter_client.session import Session

from conkernelclient import *  # noqa: F403 - the README's first line
from conkernelclient import ConKernelClient, ConKernelManager


async def test_the_readme_of_0_0_4_holds_from_its_first_to_its_last_line() -> None:
    """Start, connect, execute with and without reply, two at once, clean up."""
    km = ConKernelManager(session=Session(key=b"x"))
    await km.start_kernel()
    kc = await km.client().start_channels()
    assert await kc.is_alive() is True

    r = await kc.execute("2+1", timeout=10, reply=True)
    assert r["content"]["status"] == "ok"

    a = kc.execute("x=2", reply=True)
    b = kc.execute("y=3", reply=True)
    r = await asyncio.wait_for(asyncio.gather(a, b), timeout=20)
    assert len(r) == 2
    assert r[0]["parent_header"]["msg_id"] != r[1]["parent_header"]["msg_id"]

    mid = kc.execute("print(x * y)")
    assert isinstance(mid, str)
    pubs = await kc.get_pubs(mid)
    types = [pub["msg_type"] for pub in pubs]
    assert types[:2] + types[-1:] == ["status", "execute_input", "status"]
    assert "".join(pub["content"].get("text", "") for pub in pubs) == "6\n"

    assert await km.is_alive()
    kc.stop_channels()
    await km.shutdown_kernel()
    assert not await km.is_alive()


async def test_the_manager_makes_con_kernel_clients_with_its_key(km: ConKernelManager) -> None:
    """Each with a session id of its own, so that none takes another's replies."""
    one, other = km.client(), km.client()
    assert isinstance(one, ConKernelClient)
    assert one.session.key == other.session.key == km.session.key
    assert len({one.session.session, other.session.session, km.session.session}) == 3


async def test_gather_of_two_in_either_order_gives_each_its_own(km: ConKernelManager) -> None:
    """The promise that 0.0.4 could not keep."""
    kc = await km.client().start_channels()
    a = kc.execute("a", user_expressions={"v": "'first'"}, reply=True)
    b = kc.execute("", user_expressions={"v": "'second'"}, reply=True)
    second, first = await asyncio.gather(b, a)
    assert first["parent_header"]["msg_id"] == a.msg_id
    assert second["content"].get("status") in ("ok", "aborted")  # the first raised: NameError
    kc.stop_channels()


async def test_older_keywords_are_understood(km: ConKernelManager) -> None:
    """`subsh_id`, `cts_typ` and `msg_id`, as in 0.0.4."""
    kc = await km.client().start_channels()
    reply = await kc.execute("1", reply=True, subsh_id=None, cts_typ="code", msg_id="my-own-id")
    assert reply["parent_header"]["msg_id"] == "my-own-id"
    kc.stop_channels()
