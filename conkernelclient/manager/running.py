"""How does a program get a kernel and a client that is ready in one call?"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from .finishing import to_its_end
from .manager import ConKernelManager

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..client.client import ConKernelClient

__all__ = ["run_kernel", "start_new_async_kernel"]

# How a trait of the client is given to each.
CLIENT_OPTION: Final = "client_options={{'{}': ...}}"
CLIENT_TRAIT: Final = "km.client({}=...)"


async def start_new_async_kernel(
    startup_timeout: float | None = 60, kernel_name: str = "python", **kwargs: Any
) -> tuple[ConKernelManager, ConKernelClient]:
    """
    Start a kernel, and give its manager and a client that is ready.

    Args:
        startup_timeout: Seconds until it is ready; None waits for ever.
        kernel_name: Name of the kernelspec.
        **kwargs: As for `start_kernel`.

    Raises:
        RuntimeError: It is not ready in time, or ended; it was shut down then.
        TypeError: An argument is unknown; the message names the nearest known one.
    """
    km = ConKernelManager(kernel_name=kernel_name)
    kc: ConKernelClient | None = None
    try:
        await _start(
            km, kwargs, "start_new_async_kernel", "startup_timeout", client_way=CLIENT_TRAIT
        )
        kc = km.client()
        kc.start_channels()
        await kc.wait_for_ready(timeout=startup_timeout)
    except BaseException:
        await _end(km, kc)
        raise
    return km, kc


@asynccontextmanager
async def run_kernel(
    kernel_name: str = "python",
    *,
    startup_timeout: float | None = 60,
    client_options: dict[str, Any] | None = None,
    **kwargs: Any,
) -> AsyncGenerator[ConKernelClient, None]:
    """
    Own a kernel for the time of an `async with`.

    It is shut down at its end, also after an error or a cancel. What passes over tcp is encrypted
    where the kernelspec declares that the kernel can: both ends are ours.

    Args:
        kernel_name: Name of the kernelspec.
        startup_timeout: Seconds until it is ready; None waits for ever.
        client_options: Traits of the client. `stop_on_error` is False unless given here: one
            caller's error aborts nobody.
        **kwargs: As for `start_kernel`, such as `cwd`, `env`, `extra_arguments`, or
            `transport_encryption` ("disabled", "auto", "required").

    Yields:
        A client that is ready.

    Raises:
        RuntimeError: It is not ready in time, or ended.
        TypeError: An argument is unknown; the message names the nearest known one.
    """
    km = ConKernelManager.of_own_kernel(kernel_name)
    kc: ConKernelClient | None = None
    try:
        await _start(
            km, kwargs, "run_kernel", "startup_timeout", "client_options", client_way=CLIENT_OPTION
        )
        kc = km.client(**{"stop_on_error": False, **(client_options or {})})
        kc.start_channels()
        await kc.wait_for_ready(timeout=startup_timeout)
        yield kc
    finally:
        await _end(km, kc)


async def _start(
    km: ConKernelManager,
    launch_args: dict[str, Any],
    function: str,
    *parameters: str,
    client_way: str,
) -> None:
    """Start the kernel; an argument that is unknown is told as one of `function`."""
    from .arguments import UnknownArgumentError  # with the first kernel, as the manager does

    try:
        await km.start_kernel(**launch_args)
    except UnknownArgumentError as error:
        raise error.of(function, "kernel_name", *parameters, client_way=client_way) from None


async def _end(km: ConKernelManager, kc: ConKernelClient | None) -> None:
    """
    Close the client and shut the kernel down.

    To the end, even if the task is cancelled meanwhile.
    """
    try:
        if kc is not None:
            kc.stop_channels()
    finally:  # what keeps the client from closing, such as too few descriptors, keeps no kernel
        await _shut_down(km)


async def _shut_down(km: ConKernelManager) -> None:
    if km.has_kernel:
        await to_its_end(km.shutdown_kernel(now=True))
