"""
How does Jupyter start a kernel by a fork?

By the provisioner `conkernel-fork`, which a kernelspec names, or `JUPYTER_DEFAULT_PROVISIONER_NAME`
for all that name none. Where a fork is not to be had it starts a fresh process, and says why, once.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import List, Unicode

from .servers import CannotForkError, fork

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

__all__ = ["ForkProvisioner"]

TAKEN: Final = {"env", "cwd", "independent", "stdin", "stdout", "stderr"}
DROPPED: Final = {"extra_arguments", "kernel_id"}  # they are in the command
_said: Final[set[str]] = set()


class ForkProvisioner(LocalProvisioner):
    """
    The provisioner.

    `preload` in the metadata of a kernelspec names the modules that its cells will import: the
    process that forks has loaded them. What does not load is loaded by no kernel, with a warning.
    """

    takes_what_popen_takes = True  # by a fresh process, if need be: a manager can check it before

    preload: Any = List(
        Unicode(), help="Modules that are loaded before the fork, beside those of the kernelspec."
    ).tag(config=True)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork the kernel off, or launch it as a fresh process."""
        try:
            await self._fork(cmd, kwargs)
        except CannotForkError as error:
            self._say_once(f"the kernel starts as a fresh process: {error}")
            return await super().launch_kernel(cmd, **kwargs)
        return self.connection_info

    async def _fork(self, cmd: list[str], kwargs: dict[str, Any]) -> None:
        unknown = kwargs.keys() - TAKEN - DROPPED
        if unknown:
            raise CannotForkError(f"no fork takes {', '.join(sorted(unknown))}")
        arguments = {name: it for name, it in kwargs.items() if name in TAKEN and it is not None}
        metadata: dict[str, Any] = getattr(self.kernel_spec, "metadata", {})
        preload = [*metadata.get("preload", []), *self.preload]
        process, failures = await fork(cmd, preload=preload, **arguments)
        for name, why in failures.items():
            self._say_once(f"{name} cannot be loaded before the fork: {why}")
        self.process: Any = process
        self.pid: Any = process.pid
        self.pgid: Any = process.pid
        self.cwd: Any = kwargs.get("cwd") or os.getcwd()

    def _say_once(self, words: str) -> None:
        if words not in _said:
            _said.add(words)
            self.log.warning(words)
