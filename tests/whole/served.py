"""A kernel and its client, used from whatever loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conkernelclient import ConKernelManager
from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import Callable


async def start() -> tuple[ConKernelManager, Any]:
    km = ConKernelManager()
    await km.start_kernel()
    return km, await km.client().start_channels()


async def end(km: ConKernelManager, kc: Any) -> None:
    kc.stop_channels()
    await km.shutdown_kernel(now=True)


async def ask(kc: Any) -> Any:
    return (await kc.execute("1", reply=True, timeout=LONG))["content"]["status"]


async def run(kc: Any) -> Any:
    return await kc.run("2", timeout=LONG)


async def outputs_of(run: Any) -> list[Any]:
    return [event async for event in run]


async def heard_by(kc: Any, code: str) -> Any:
    heard: list[Any] = []
    result = await kc.run(code, on_output=heard.append)
    return heard and result


async def cut_off(kc: Any, code: str) -> Any:
    # Nobody interrupts it for a loop that is closed: then the kernel has it to the end.
    result = await kc.run(f"{code}\nimport time\ntime.sleep(5)", timeout=0.5)
    assert result.status == "timeout"
    return result


KINDS: dict[str, Callable[[Any, str], Any]] = {
    "reply": lambda kc, code: kc.execute(code, reply=True, timeout=LONG),
    "run": lambda kc, code: kc.run(code, timeout=LONG),
    "events": lambda kc, code: outputs_of(kc.run(code)),
    "on_output": heard_by,
    "timeout": cut_off,
    "record": lambda kc, code: kc.get_pubs(kc.execute(code)),
    "claim": lambda kc, code: kc._async_recv_reply(kc.execute(code)),
    "get_shell_msg": lambda kc, code: kc.execute(code) and kc.get_shell_msg(),
    "interactive": lambda kc, code: kc.execute_interactive(code, output_hook=lambda _: None),
}
