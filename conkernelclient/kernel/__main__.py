"""What does `python -m conkernelclient.kernel` start? A kernel with `-f FILE`, or a command."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the kernel, or one of its commands."""
    # The kernel's own imports are not those of its directory; cells import from there all the same.
    if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    from .command import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
