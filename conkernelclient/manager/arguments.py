"""
Which arguments can a kernel's process be started with?

The ways to start one take any, and pass them on. Those that nobody on the way takes are named here,
with what was most likely meant, before the process is started. What provisioners other than
jupyter_client's own take is their business.
"""

from __future__ import annotations

import inspect
import subprocess
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from jupyter_client import launcher
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from jupyter_client.manager import AsyncKernelManager
    from traitlets import HasTraits

__all__ = ["UnknownArgumentError", "check_launch"]

# What a start takes most often; all of it is on the way to `Popen`, or taken before.
USUAL: Final = ("cwd", "env", "extra_arguments", "independent", "transport_encryption")
NOT_FOR_POPEN: Final = frozenset({"cmd", "kw", "args", "self"})
NOT_PASSED_ON: Final = frozenset({"extra_arguments", "kernel_id"})  # the provisioner drops them


class UnknownArgumentError(TypeError):
    """
    A kernel cannot be started with some arguments.

    Args:
        names: The arguments.
        manager_class: The manager, whose traits are no arguments of a start.
        client_class: Its clients, whose traits are none either.
        function: What was called.
        parameters: What that takes itself, beside the arguments of a launch.
        client_way: How it is given a trait of the client, with its name in the place of `{}`.
    """

    def __init__(
        self,
        names: Sequence[str],
        manager_class: type[HasTraits],
        client_class: type[HasTraits],
        *,
        function: str = "start_kernel",
        parameters: Sequence[str] = (),
        client_way: str = "km.client({}=...)",
    ) -> None:
        self._facts = names, manager_class, client_class
        known = (*parameters, *USUAL)

        def hint(name: str) -> str:
            near = get_close_matches(name, [*known, *_taken()], 1)
            near += [short for short in known if name.startswith(short)]
            if name in manager_class.class_traits():
                return f"{name!r}, a trait of the manager: {manager_class.__name__}({name}=...)"
            if name in client_class.class_traits():
                return f"{name!r}, a trait of the client: {client_way.format(name)}"
            return f"{name!r}: did you mean {near[0]!r}?" if near else f"{name!r}"

        hints = "; ".join(map(hint, names))
        super().__init__(f"{function}() does not take {hints} (it takes {', '.join(known)})")

    def of(self, function: str, *parameters: str, client_way: str) -> UnknownArgumentError:
        """Give the error as another function has it, which passed the arguments on."""
        return UnknownArgumentError(
            *self._facts, function=function, parameters=parameters, client_way=client_way
        )


@cache
def _taken() -> frozenset[str]:
    """Give what `launch_kernel` takes, and what it passes on to `Popen`."""
    # Typed anew: their own types leave arguments out.
    functions = cast("tuple[Any, ...]", (launcher.launch_kernel, subprocess.Popen.__init__))
    taken = {name for function in functions for name in inspect.signature(function).parameters}
    return frozenset(taken - NOT_FOR_POPEN)


def check_launch(
    manager: AsyncKernelManager,
    client_class: type[HasTraits],
    launch_args: Collection[str],
    *,
    function: str = "start_kernel",
) -> None:
    """
    Raise if a kernel's process cannot be launched with `launch_args`.

    Args:
        manager: Whose kernel it is to be. Only of jupyter_client's own `LocalProvisioner`, and of
            one that says that it takes the same, it is known what it takes.
        client_class: The class of its clients, whose traits are no arguments of a start either.
        launch_args: The arguments that its provisioner is about to get.
        function: What was called with them.

    Raises:
        UnknownArgumentError (a TypeError): Some are unknown.
    """
    provisioner = type(manager.provisioner)
    launch = getattr(provisioner, "launch_kernel", None)
    is_known = getattr(provisioner, "takes_what_popen_takes", False)
    if launch is not LocalProvisioner.launch_kernel and not is_known:
        return
    unknown = [name for name in launch_args if name not in _taken() | NOT_PASSED_ON]
    if unknown:
        raise UnknownArgumentError(unknown, type(manager), client_class, function=function)
