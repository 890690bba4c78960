"""
Which kernel is known by its name, although no kernelspec of that name is installed?

The package's own: an editable installation, and a source tree, install no kernelspecs. What one
would say stands here once more, since the kernel is a program of its own, which is not imported.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from jupyter_client.kernelspec import KernelSpec

__all__ = ["NAME", "native_spec"]

NAME: Final = "conkernel"
SAYS: Final[dict[str, Any]] = {
    "display_name": "Python 3 (conkernel)",
    "language": "python",
    "interrupt_mode": "signal",
    "metadata": {"concurrent": True, "debugger": True, "supported_encryption": ["curve"]},
}


def native_spec() -> KernelSpec:
    """Give its kernelspec, for this interpreter."""
    argv = [sys.executable, "-m", "conkernelclient.kernel", "-f", "{connection_file}"]
    return KernelSpec(argv=argv, **SAYS)
