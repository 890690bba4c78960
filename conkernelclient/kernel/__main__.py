"""Start the kernel: `python -m conkernelclient.kernel -f FILE`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the kernel."""
    if sys.path and sys.path[0] == "":  # the kernel's own imports are not those of its directory
        del sys.path[0]
    from .app import ConKernelApp

    ConKernelApp.launch_instance()


if __name__ == "__main__":
    main()
