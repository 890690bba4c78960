"""
Which class does a process get for `AsyncKernelManager`, and what does it create?

`run.py` copies this file as `sitecustomize.py` into a folder of PYTHONPATH, so that a suite's
pytest process and all Python processes that its tests start go through it. Two variables steer it:

    CONFORMANCE_SIDE     "original" changes nothing; "ours" puts `ConKernelManager` in the place of
                         `AsyncKernelManager`, and `ConIOLoopKernelManager` in that of
                         `AsyncIOLoopKernelManager`, when jupyter_client has been imported
    CONFORMANCE_CREATED  a file that takes one line, "SLOT SIDE", for each manager and client

    CONFORMANCE_KERNEL   is set where kernels are compared: each writes such a line as well

A kernel's own process is left alone otherwise: it serves either side.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType


class AfterImport(SourceFileLoader):
    """Loads jupyter_client as it is, and lets us at it before its importer."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then count and substitute."""
        super().exec_module(module)
        originals, ours = classes(os.environ["CONFORMANCE_SIDE"])
        count(originals, ours, Path(os.environ["CONFORMANCE_CREATED"]))


class Watch:
    """Waits on `sys.meta_path` for the one import that matters."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Give jupyter_client our loader; leave everything else to the other finders."""
        if name != "jupyter_client":
            return None
        sys.meta_path.remove(self)  # type: ignore[arg-type]
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            spec.loader = AfterImport(name, spec.origin)
        return spec


def classes(side: str) -> tuple[dict[str, type], dict[str, type]]:
    """Return the original classes and ours by slot; put ours where programs look for the others."""
    import jupyter_client.ioloop.manager
    import jupyter_client.manager
    from jupyter_client.asynchronous.client import AsyncKernelClient

    originals = {"manager": jupyter_client.manager.AsyncKernelManager, "client": AsyncKernelClient}
    if side == "original":
        return originals, {}
    from conkernelclient import ConKernelClient, ConKernelManager
    from conkernelclient.ioloop import ConIOLoopKernelManager

    for module in (jupyter_client, jupyter_client.manager):
        setattr(module, "AsyncKernelManager", ConKernelManager)  # noqa: B010 - mypy refuses `=`
    for module in (jupyter_client.ioloop, jupyter_client.ioloop.manager):
        setattr(module, "AsyncIOLoopKernelManager", ConIOLoopKernelManager)  # noqa: B010
    return originals, {"manager": ConKernelManager, "client": ConKernelClient}


def count(originals: dict[str, type], ours: dict[str, type], created: Path) -> None:
    """Write a line for each manager and client that is created in this process from now on."""
    from jupyter_client.connect import ConnectionFileMixin

    base: type[Any] = ConnectionFileMixin
    initialize = base.__init__

    @functools.wraps(initialize)
    def counted(self: object, *args: object, **kwargs: object) -> None:
        for slot, original in originals.items():
            if isinstance(self, original):
                side = "ours" if ours and isinstance(self, ours[slot]) else "original"
                with created.open("a", encoding="utf-8") as lines:  # one short write: atomic
                    lines.write(f"{slot} {side}\n")
        initialize(self, *args, **kwargs)

    base.__init__ = counted


KERNELS = {"ipykernel_launcher": "original", "conkernelclient.kernel": "ours"}

if "CONFORMANCE_SIDE" in os.environ:
    sides = [side for module, side in KERNELS.items() if module in sys.orig_argv]
    if not sides:
        sys.meta_path.insert(0, Watch())  # type: ignore[arg-type]
    elif "CONFORMANCE_KERNEL" in os.environ:
        with Path(os.environ["CONFORMANCE_CREATED"]).open("a", encoding="utf-8") as lines:
            lines.write(f"kernel {sides[0]}\n")
