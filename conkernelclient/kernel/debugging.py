"""
When is the debugger loaded?

At the first debug request. ipykernel loads it as it starts, which is a quarter of the time until
it is ready.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any, Final

from .compat import ipykernel

__all__ = ["LateDebugger", "load_debugger_late"]

NAME: Final = "ipykernel.debugger"


class _Late(types.ModuleType):
    """Stands for ipykernel's module until somebody asks it for more than whether it can be had."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(load(), name)


def load_debugger_late() -> None:
    """Let ipykernel's module be loaded when it is needed, if it is not loaded yet."""
    if NAME in sys.modules:
        return
    module: Any = _Late(NAME)
    module._is_debugpy_available = importlib.util.find_spec("debugpy") is not None
    sys.modules[NAME] = module


def load() -> types.ModuleType:
    """Give ipykernel's module."""
    module = sys.modules.get(NAME)
    if module is None or isinstance(module, _Late):
        sys.modules.pop(NAME, None)
        module = importlib.import_module(NAME)
        ipykernel.debugger = module  # type: ignore[attr-defined]
    return module


class LateDebugger:
    """
    ipykernel's debugger, which is made at the first request. In the control thread alone.

    Args:
        arguments: The debugger's.
    """

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments
        self._debugger: Any = None
        self._is_made = asyncio.Event()

    def _made(self) -> Any:
        if self._debugger is None:
            module: Any = load()
            # It does not step into the kernel's own modules, of which it is one.
            kernel_modules: list[str] = self._arguments[5]
            files = [getattr(it, "__file__", None) or "" for it in list(sys.modules.values())]
            kernel_modules += [it for it in files if "debugpy" in Path(it).parts]
            kernel_modules.append(module.__file__)
            self._debugger = module.Debugger(*self._arguments)
            self._is_made.set()
        return self._debugger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)

    async def handle_stopped_event(self) -> None:
        """Wait until the debugged code stands still, and tell of it."""
        await self._is_made.wait()
        await self._debugger.handle_stopped_event()
