"""
Does kernel-sidecar 1.0.0 fail where `tests/whole/test_sidecar_defects.py` says that ours does not?

`python -m tests.conformance.defects PYTHON`, with the interpreter of an environment that has
kernel-sidecar. Exit status: 0, or 1 when it sees anything else than
`tests/whole/sidecar_defects.py` says: then the situation proves nothing.
"""
# ruff: noqa: T201 - a command speaks by printing

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.whole.sidecar_defects import DEFECTS, in_short, kernel_of_defects

PEER: Final = Path(__file__).with_name("peers") / "kernel_sidecar.py"
WITHIN: Final = 180.0  # seconds


def seen_by(python: str) -> dict[str, dict[str, Any]]:
    """Give what a program of kernel-sidecar saw in each situation."""
    with kernel_of_defects() as kernel, tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "connection.json")
        file.write_text(json.dumps(kernel.connection_info), encoding="utf-8")
        told = subprocess.run(
            [python, "-I", str(PEER), str(file)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN,
            check=False,
        )
    if told.returncode:
        raise SystemExit(f"kernel-sidecar's program failed:\n{told.stderr[-4000:]}")
    return json.loads(told.stdout.splitlines()[-1])


def main() -> int:
    """Run the command; return its exit status."""
    seen = seen_by(sys.argv[1])
    is_green = seen.keys() == DEFECTS.keys()
    for name, defect in DEFECTS.items():
        fails = name in seen and in_short(seen[name]) == defect.theirs
        is_green = is_green and fails
        print(f"{'fails as said' if fails else 'DIFFERS':15}{name}: {defect.about}")
        if not fails:
            print(f"{'':15}{seen.get(name)}")
    return 0 if is_green else 1


if __name__ == "__main__":
    sys.exit(main())
