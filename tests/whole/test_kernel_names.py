"""Each name that users of async-kernel know has its place here, or a reason why not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import nbformat

from tests.clients import client_of
from tests.kernel.conftest import km, raw

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager

__all__ = ["km"]

CHAPTER: Final = Path(__file__).parents[2] / "nbs" / "06_kernel_names.ipynb"
ROW: Final = re.compile(r"\| `(\w+)` \| (-|`[^|]+`) \| ([^|]*)\|")
# The reference of async-kernel 0.12: the class Kernel, its module's other class, and `get_kernel`.
NAMES: Final = """
KernelInterruptError Kernel get_kernel
load_connection_info load_settings run stop __asynccontextmanager__ iopub_send topic
receive_msg_loop msg_handler run_handler get_run_mode all_concurrency_run_modes
kernel_info_request comm_info_request execute_request complete_request is_complete_request
inspect_request history_request comm_open comm_msg comm_close interrupt_request shutdown_request
debug_request create_subshell_request delete_subshell_request list_subshell_request
excepthook unraisablehook raw_input getpass get_connection_info get_parent
interrupts callers subshell_manager anyio_backend anyio_backend_options help_links quiet
print_kernel_messages connection_file kernel_name ip transport log main_shell session debugger
comm_manager event_started event_stopped settings shell caller kernel_info
"""
# What the chapter says where its names come from.
IMPORTS: Final = """
from conkernelclient.kernel import EmbeddedKernel
from conkernelclient.kernel.host import HostedApp
from conkernelclient.kernel.kernel import ConKernel
from conkernelclient.kernel.modes import MODES, all_concurrency_run_modes, options_of
from conkernelclient.kernel.stops import CellTimeoutError
kernel = get_ipython().kernel
app = kernel.parent
"""


def table() -> list[tuple[str, str, str]]:
    """The rows of the table: their name, ours or a dash, and the words."""
    cells = nbformat.read(CHAPTER, as_version=4).cells
    (text,) = [it.source for it in cells if it.source.startswith("## The names\n")]
    rows = [ROW.fullmatch(line) for line in text.splitlines()[4:]]
    assert all(rows)
    return [(row[1], row[2].strip("`"), row[3].strip()) for row in rows if row is not None]


def test_the_table_has_each_name_once() -> None:
    """And no other."""
    assert sorted(name for name, _, _ in table()) == sorted(NAMES.split())


def test_a_name_that_has_no_place_here_has_a_reason() -> None:
    """Of more than a word."""
    reasons = [words for _, ours, words in table() if ours == "-"]
    assert len(reasons) == 4
    assert all(len(words.split()) > 5 for words in reasons)


async def test_what_has_the_place_of_a_name_is_there_in_a_kernel(km: ConKernelManager) -> None:
    """Each of them, looked at in a cell."""
    async with client_of(km) as kc:
        assert (await raw(kc, IMPORTS)).status == "ok"
        for name, ours, _ in table():
            if ours != "-":
                result = await raw(kc, f"({ours}) is not None")
                assert (result.error, name, result.data["text/plain"]) == (None, name, "True")


async def test_what_the_words_name_is_there_as_well(km: ConKernelManager) -> None:
    """Exceptions, functions, attributes."""
    looks = [
        "issubclass(CellTimeoutError, KeyboardInterrupt)",
        "callable(options_of) and callable(EmbeddedKernel().on_interrupt)",
        "all(isinstance(it, str) for it in all_concurrency_run_modes()['mode'])",
        "kernel.library == 'asyncio'",
    ]
    async with client_of(km) as kc:
        assert (await raw(kc, IMPORTS)).status == "ok"
        for look in looks:
            assert (await raw(kc, look)).data["text/plain"] == "True"
