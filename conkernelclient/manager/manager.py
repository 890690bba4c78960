"""How does a program start kernels and get clients for them?"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from jupyter_client.client import KernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.session import new_id
from traitlets import DottedObjectName, Type, default
from traitlets.utils.importstring import import_item

from ..client.client import ConKernelClient

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine

__all__ = [
    "ConKernelManager",
    "run_kernel",
    "start_new_async_kernel",
]


class ConKernelManager(AsyncKernelManager):
    """
    Starts one kernel, and makes `ConKernelClient`s for it.

    Takes everything that `AsyncKernelManager` takes.
    """

    client_class: DottedObjectName = DottedObjectName(
        "conkernelclient.client.client.ConKernelClient", config=True
    )
    client_factory: Type[type[KernelClient], type[KernelClient]] = Type(
        klass=KernelClient, config=True
    )

    # jupyter_client's annotation names the trait's class for that of its values.
    @default("client_factory")
    def _client_factory_default(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
    ) -> type[KernelClient]:
        return import_item(self.client_class)

    def client(self, **kwargs: Any) -> ConKernelClient:
        """
        Make a client of this kernel, with a session id of its own and this manager's key.

        Args:
            **kwargs: Traits of the client; `session=` is used as it is.
        """
        if "session" not in kwargs:
            session = self.session.clone()
            session.session = new_id()
            kwargs["session"] = session
        # Of another class only where `client_class` was set to one.
        return cast("ConKernelClient", super().client(**kwargs))


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
    """
    km = ConKernelManager(kernel_name=kernel_name)
    kc: ConKernelClient | None = None
    try:
        await km.start_kernel(**kwargs)
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

    It is shut down at its end, also after an error or a cancel.

    Args:
        kernel_name: Name of the kernelspec.
        startup_timeout: Seconds until it is ready; None waits for ever.
        client_options: Traits of the client. `stop_on_error` is False unless given here: one
            caller's error aborts nobody.
        **kwargs: As for `start_kernel`, such as `cwd`, `env`, `extra_arguments`.

    Yields:
        A client that is ready.

    Raises:
        RuntimeError: It is not ready in time, or ended.
    """
    km = ConKernelManager(kernel_name=kernel_name)
    kc: ConKernelClient | None = None
    try:
        await km.start_kernel(**kwargs)
        kc = km.client(**{"stop_on_error": False, **(client_options or {})})
        kc.start_channels()
        await kc.wait_for_ready(timeout=startup_timeout)
        yield kc
    finally:
        await _end(km, kc)


async def _end(km: ConKernelManager, kc: ConKernelClient | None) -> None:
    """
    Close the client and shut the kernel down.

    To the end, even if the task is cancelled meanwhile.
    """
    if kc is not None:
        kc.stop_channels()
    if not km.has_kernel:
        return
    ending = asyncio.ensure_future(
        cast("Coroutine[Any, Any, None]", km.shutdown_kernel(now=True))  # its stub leaves it open
    )
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        await asyncio.wait((ending,))
        raise
