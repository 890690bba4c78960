"""
How does a backend lint each cell with ruff before it is run?

A cell that does not parse is refused, with ruff's words; what ruff can mend is mended before it is
sent; what it has to say otherwise is put below the cell's outputs (`pip install ruff`).

    async with LintingSidecar("python3") as sidecar:
        result = await sidecar.execute_request("if x == None: print(x)")
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from typing import Any

from conkernelclient import Result
from conkernelclient.sidecar import Cell, Refused, Sidecar

# Names of other cells are not known here, and the last line's value is what a cell shows.
IGNORED = "F821,B018,E402,F401"


class LintingSidecar(Sidecar):
    """A sidecar whose cells are linted."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._notes: dict[str, list[str]] = {}  # by the code that is sent

    async def before_execute(self, cell: Cell) -> Cell | Refused | None:
        """Refuse what is no Python, mend what ruff can mend, keep what it says of the rest."""
        if any(line.lstrip().startswith(("%", "!", "?")) for line in cell.code.splitlines()):
            return None  # IPython's, which ruff does not know
        mended = await ruff("check", "--fix-only", "--exit-zero", given=cell.code)
        found = json.loads(await ruff("check", "--output-format=json", given=mended))
        for one in found:
            if one["code"] in (None, "invalid-syntax"):
                place = one["location"]
                return Refused(f"line {place['row']}: {one['message']}", "SyntaxError")
        self._notes[mended] = [f"{one['code']} {one['message']}" for one in found]
        return replace(cell, code=mended)

    def after_execute(self, cell: Cell, result: Result) -> Result | None:
        """Put what ruff said below the outputs."""
        notes = self._notes.pop(cell.code, [])
        if not notes:
            return None
        text = "".join(f"ruff: {note}\n" for note in notes)
        note = {"output_type": "stream", "name": "stderr", "text": text}
        return replace(result, outputs=[*result.outputs, note])


async def ruff(*arguments: str, given: str) -> str:
    """Give what ruff writes for this code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ruff",
        *arguments,
        "--quiet",
        "--isolated",
        "--select=E7,E9,F,B",
        f"--ignore={IGNORED}",
        "--stdin-filename=cell.py",
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    written, _ = await process.communicate(given.encode())
    return written.decode()
