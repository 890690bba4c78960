"""What of a manager can be configured, beside what jupyter_client's can?"""

from __future__ import annotations

from typing import Any, Self

import zmq
from jupyter_client.client import KernelClient
from jupyter_client.manager import AsyncKernelManager
from traitlets import Bool, DottedObjectName, Type, default
from traitlets.utils.importstring import import_item

__all__ = ["ManagerSettings"]


class ManagerSettings(AsyncKernelManager):
    """The traits of `ConKernelManager`."""

    client_class: DottedObjectName = DottedObjectName(
        "conkernelclient.client.client.ConKernelClient", config=True
    )
    client_factory: Type[type[KernelClient], type[KernelClient]] = Type(
        klass=KernelClient, config=True
    )
    autorestart: Bool[bool, bool | int] = Bool(
        config=True,
        help="Whether a kernel that dies is started again. As jupyter_client's own asyncio manager "
        "never does it, a program has to ask for it.",
    )
    capture_stderr: Bool[bool, bool | int] = Bool(
        True,
        config=True,
        help="Whether the last 4 KiB of the kernel's stderr are kept for `DeadKernelError`; all of "
        "it is passed on. Not where `stderr=` is given, and not for independent kernels.",
    )
    pass_on_output: Bool[bool, bool | int] = Bool(
        True,
        config=True,
        help="Whether what the kernel and its children write on their stdout and stderr goes on to "
        "this program's, as the processes of most programs do. If not, no byte of it does, and the "
        "last 4 KiB of both are kept; a program that speaks to another one over its own stdout "
        "needs that. What a cell prints is an output of that cell in either case.",
    )

    @classmethod
    def of_own_kernel(cls, kernel_name: str, **traits: Any) -> Self:
        """
        Make a manager of a kernel to which nobody but this program connects.

        What passes over tcp is encrypted where libzmq can, and the kernelspec declares it.

        Args:
            kernel_name: Name of the kernelspec.
            traits: As the class takes them.
        """
        encryption = "auto" if zmq.has("curve") else "disabled"
        return cls(kernel_name=kernel_name, transport_encryption=encryption, **traits)

    # jupyter_client's annotation names the trait's class for that of its values.
    @default("client_factory")
    def _client_factory_default(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
    ) -> type[KernelClient]:
        return import_item(self.client_class)
