"""Which libraries run code for a loop here, and in which environment is each?"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KINDS", "OURS", "READ", "Kind", "Read"]

OURS: Final = "ours"


@dataclass(frozen=True)
class Kind:
    """
    A contestant.

    Attributes:
        name: In the table.
        file: In `contestants/`.
        package: Whose version is told.
        gives: What a loop gets of a call, in a few words.
        environment: Of `.venv-bench-*`; "": this one.
    """

    name: str
    file: str
    package: str
    gives: str
    environment: str = ""

    @property
    def python(self) -> str:
        """Its interpreter."""
        if not self.environment:
            return sys.executable
        return str(ROOT / f".venv-bench-{self.environment}" / "bin" / "python")

    @property
    def is_ours(self) -> bool:
        """Whether it runs this package."""
        return self.package == "conkernelclient"


KINDS: Final = (
    Kind(
        OURS,
        "ours",
        "conkernelclient",
        "text within a budget and images, status, notes on what was lost",
        "autogen-ext",
    ),
    Kind(
        "ours in AutoGen",
        "ours_autogen",
        "conkernelclient",
        "exit code and that text",
        "autogen-ext",
    ),
    Kind(
        "autogen-ext",
        "autogen_ext",
        "autogen-ext",
        "exit code, text; images and HTML as files",
        "autogen-ext",
    ),
    Kind("nbclient", "nbclient", "nbclient", "nbformat outputs", "autogen-ext"),
    Kind(
        "jupyter-mcp-server",
        "jupyter_mcp_server",
        "jupyter-mcp-server",
        "MCP content: texts and images",
        "jupyter-mcp-server",
    ),
    Kind(
        "jupyter-kernel-client",
        "jupyter_kernel_client",
        "jupyter-kernel-client",
        "nbformat outputs, status",
        "jupyter-kernel-client",
    ),
    Kind("ipybox", "ipybox", "ipybox", "text, images as files", "ipybox"),
)


@dataclass(frozen=True)
class Read:
    """A library that cannot run here: what its classes say."""

    name: str
    version: str
    of: str
    gives: str
    tasks: Mapping[str, str]


READ: Final = Read(
    "e2b-code-interpreter",
    "2.11.5",
    "Execution",
    "`results` by MIME type, `logs`, `error`; no text for a model",
    {
        "value of the last expression": "`text`",
        "10 MB printed": "all of it, in `logs.stdout`",
        "tqdm and colours": "as printed",
        "a plot of 4000x4000": "`png`, in base64, as it is",
        "a data frame": "`text` and `html`",
        "an exception after 140 kB": "`error.value` and `error.traceback`, as it is",
        "a cell that hangs, 5 s": "raises; what had come by `on_stdout` alone",
        "an interrupt swallowed, 5 s": "the same",
    },
)
