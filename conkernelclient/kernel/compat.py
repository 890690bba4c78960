"""
Which names of ipykernel and IPython does the kernel need that are not promised to stay?

All of them stand here, and `check` looks for them before the kernel starts.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar, Final

import ipykernel
from ipykernel._version import kernel_protocol_version
from IPython.core import formatters
from IPython.core.displayhook import DisplayHook
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell

__all__ = [
    "FORMATTERS",
    "KERNEL_FLAGS",
    "PROTOCOL_VERSION",
    "BackgroundSocket",
    "CellMagics",
    "ControlThread",
    "DisplayFormatter",
    "HistoryManager",
    "IOPubThread",
    "IPKernelApp",
    "IPythonKernel",
    "IncompatibleError",
    "InteractiveShell",
    "Magics",
    "OutStream",
    "PayloadManager",
    "ProvisionalCompleterWarning",
    "StdinNotImplementedError",
    "TimeitResult",
    "TimeitTemplateFiller",
    "TransformerManager",
    "UsageError",
    "XCachingCompiler",
    "ZMQDisplayPublisher",
    "ZMQInteractiveShell",
    "ZMQShellDisplayHook",
    "asyncio_runner",
    "capture_output",
    "check",
    "completer_module",
    "format_time",
    "ipkernel_module",
    "ipykernel",
    "line_magic",
    "magics_class",
    "page",
    "parse_argstring",
]

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])
    T = TypeVar("T")

    class _Loose:
        """What a type checker sees: their annotations are partial, and some are wrong."""

        def __init__(self, *args: Any, **options: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

    class BackgroundSocket(_Loose):
        """A socket of the iopub thread."""

    class ControlThread(_Loose):
        """The control thread."""

    class DisplayFormatter(_Loose):
        """What formats results and displays."""

        def format(self, obj: Any, include: Any = None, exclude: Any = None) -> Any:
            """Format."""
            ...

    class HistoryManager(_Loose):
        """What keeps the history."""

    class IOPubThread(_Loose):
        """The iopub thread."""

    class IPKernelApp(_Loose):
        """The application."""

        classes: ClassVar[list[Any]]

        @classmethod
        def instance(cls) -> Self:
            """Give the process's only one."""
            raise NotImplementedError

        def initialize(self, argv: list[str] | None = None) -> None:
            """Make all that it needs."""

        def init_connection_file(self) -> None:
            """Find the connection file."""

        def init_io(self) -> None:
            """Replace the streams."""

        def init_code(self) -> None:
            """Run what the configuration names."""

        def close(self) -> None:
            """Close the sockets."""

    class IPythonKernel(_Loose):
        """IPython's kernel."""

    class Magics(_Loose):
        """A group of magics."""

    def line_magic(function: F) -> F:
        """Make a method a magic."""
        ...

    def magics_class(cls: type[T]) -> type[T]:
        """Make a class a group of magics."""
        ...

    class OutStream(_Loose):
        """A stream of the kernel."""

    class XCachingCompiler(_Loose):
        """What compiles cells."""

        def ast_parse(self, *args: Any, **kwargs: Any) -> Any:
            """Parse source code."""
            ...

    class PayloadManager(_Loose):
        """What gathers payloads."""

    class ZMQDisplayPublisher(_Loose):
        """What publishes displays."""

        def publish(self, *args: Any, **options: Any) -> None:
            """Publish."""

        def clear_output(self, wait: bool = False) -> None:
            """Clear."""

    class ZMQInteractiveShell(_Loose):
        """IPython's shell."""

        def init_magics(self) -> None:
            """Add the magics."""

        def transform_cell(self, raw_cell: str) -> str:
            """Transform a cell."""
            ...

        def showtraceback(self, *args: Any, **options: Any) -> None:
            """Show."""

        def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None: ...

    class ZMQShellDisplayHook(_Loose):
        """What publishes results."""

        def start_displayhook(self) -> None:
            """Make a message."""

        def finish_displayhook(self) -> None:
            """Publish."""

    def asyncio_runner(coro: Any) -> Any:
        """Run a coroutine to its end: what `%autoawait asyncio` stands for."""
        ...

    class StdinNotImplementedError(Exception):
        """The front end answers no questions."""

    class ProvisionalCompleterWarning(FutureWarning):
        """What the completer says of itself."""

    completer_module: Any = None
    """Where the completer is."""
    ipkernel_module: Any = None
    """Where IPython's kernel is."""

    class CellMagics(_Loose):
        """The magics that run a cell's body."""

        capture: Any
        time: Any

    class UsageError(Exception):
        """A magic was called in a wrong way."""

    TimeitResult: Any
    """What `%timeit` tells."""
    TimeitTemplateFiller: Any
    """What puts code into the loop of `%timeit`."""
    page: Any
    """What shows a long text."""
    capture_output: Any
    """What captures streams and displays."""
    KERNEL_FLAGS: dict[str, Any]
    """The flags of its application's command line."""
    parse_argstring: Any
    """What reads a magic's line."""
    format_time: Any
    """What writes seconds."""

else:
    from ipykernel import ipkernel as ipkernel_module
    from ipykernel.compiler import XCachingCompiler
    from ipykernel.control import ControlThread
    from ipykernel.displayhook import ZMQShellDisplayHook
    from ipykernel.iostream import BackgroundSocket, IOPubThread, OutStream
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.kernelapp import kernel_flags as KERNEL_FLAGS
    from ipykernel.zmqshell import ZMQDisplayPublisher, ZMQInteractiveShell
    from IPython.core import completer as completer_module
    from IPython.core.async_helpers import _asyncio_runner as asyncio_runner
    from IPython.core.completer import ProvisionalCompleterWarning
    from IPython.core.error import StdinNotImplementedError, UsageError
    from IPython.core.formatters import DisplayFormatter
    from IPython.core.history import HistoryManager
    from IPython.core.magic import Magics, line_magic, magics_class
    from IPython.core.magic_arguments import parse_argstring
    from IPython.core.magics.execution import ExecutionMagics as CellMagics
    from IPython.core.magics.execution import TimeitResult, TimeitTemplateFiller
    from IPython.core.magics.execution import _format_time as format_time
    from IPython.core.page import page
    from IPython.core.payload import PayloadManager
    from IPython.utils.capture import capture_output

# The classes of IPython's own formatters; another may do anything.
FORMATTERS: Final = frozenset(
    it
    for it in vars(formatters).values()
    if isinstance(it, type) and issubclass(it, formatters.BaseFormatter)
)
PROTOCOL_VERSION: Final[str] = kernel_protocol_version
VERSIONS: Final = (version("ipykernel"), version("ipython"))

NEEDED: Final[dict[Any, tuple[str, ...]]] = {
    IPythonKernel: (
        "_at_shutdown",
        "_input_request",
        "_process_children",
        "_send_interrupt_children",
        "_shutdown_message",
        "_topic",
        "banner",
    ),
    IPKernelApp: ("_bind_socket", "_apply_curve_server_options", "_apply_curve_client_options"),
    OutStream: ("_setup_stream_redirects", "_watch_pipe_fd", "parent_header", "_hooks"),
    ZMQInteractiveShell: ("_showtraceback", "parent_header", "payload_manager"),
    ZMQShellDisplayHook: ("parent_header", "finish_displayhook", "start_displayhook", "_hooks"),
    ZMQDisplayPublisher: ("parent_header", "publish", "clear_output", "_hooks"),
    InteractiveShell: (
        "_format_exception_for_storage",
        "find_cell_magic",
        "run_cell_async",
        "run_code",
        "should_run_async",
        "loop_runner",
        "transform_cell",
        "user_expressions",
        "var_expand",
    ),
    DisplayHook: ("quiet", "prompt_count", "exec_result"),
    formatters.BaseFormatter: ("type_printers", "deferred_printers", "singleton_printers"),
    TransformerManager: ("transform_cell", "do_token_transforms"),
    HistoryManager: ("save_flag", "save_thread"),
    ipkernel_module: ("_provisionalcompleter",),
    completer_module: ("warnings",),
}


class IncompatibleError(RuntimeError):
    """The installed ipykernel or IPython is not one that the kernel knows."""


def check() -> None:
    """Raise IncompatibleError if something that the kernel needs is not there."""
    versions = "ipykernel {}, IPython {}".format(*VERSIONS)
    if not VERSIONS[0].startswith("7."):
        raise IncompatibleError(f"the kernel stands on ipykernel 7, and found {versions}")
    missing = [
        f"{owner.__name__}.{name}"
        for owner, names in NEEDED.items()
        for name in names
        if not hasattr(owner, name)
    ]
    if missing:
        raise IncompatibleError(
            f"{versions} lack {', '.join(missing)}: install another release of ipykernel 7"
        )
