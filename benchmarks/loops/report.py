"""What is told of the loops: of which versions, when, and what each contestant gave?"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..chapters import put
from ..probes.report import row
from .kinds import KINDS, OURS, READ
from .tasks import MORE, TASKS

if TYPE_CHECKING:
    from .kinds import Kind
    from .tasks import Verdict

__all__ = ["CELL", "CHAPTER", "FILE", "markdown", "write"]

FILE: Final = Path(__file__).parent / "results.json"
CHAPTER: Final = Path(__file__).parents[2] / "nbs" / "04_tool_loops.ipynb"
CELL: Final = "tools-beside"  # the id of the chapter's cell that shows the table
VERSIONS: Final = (
    "import importlib.metadata as m, json, platform, sys; "
    "print(json.dumps([platform.python_version(), m.version(sys.argv[1])]))"
)

WIDE: Final = 130  # characters of a line of the chapter
PROSE: Final = """
`make loops` gives the same {tasks} tasks to each library, in an environment of its own, with a
fresh kernel for each task (ipykernel {kernel}, Python {python}). What is judged is what a model
would read of each call: whether what it needs is there, whether it fits into a context (100,000
characters, and 5 MB for an image, in base64), and whether the next call works. A call that gives
nothing {more:.0f} s after its timeout hangs. Where a library gives nbformat outputs, their text is
made as most loops do it: streams, `text/plain` and tracebacks, one after the other. Images in files
count as images. nbclient has `interrupt_on_timeout=True`; jupyter-mcp-server is asked by its tool
`execute_code`, over stdio. It and jupyter-kernel-client run beside a Jupyter server with its
defaults, which drops text that comes faster than 1 MB a second; ipybox runs without its
sandbox. A contestant that does not start gets a second try, ours does not. What was not found is
empty.
"""
BY_READING: Final = """
Versions: {versions}. {name} {version} needs its cloud and was not run: its column says what its
class `{of}` has.
"""

Found = dict[str, dict[str, "Verdict"]]  # by contestant and task


def versions(kind: Kind) -> dict[str, str]:
    """Give the versions of a contestant, of its kernel and of Python, in its environment."""
    python, kernel = versions_in(kind.python, "ipykernel")
    home = sys.executable if kind.is_ours else kind.python  # ours runs from its source elsewhere
    return {
        "version": versions_in(home, kind.package)[1],
        "ipykernel": kernel,
        "python": python,
    }


def versions_in(interpreter: str, package: str) -> list[str]:
    """Give the versions of Python and of a package in an environment."""
    told = subprocess.run(
        [interpreter, "-c", VERSIONS, package], capture_output=True, text=True, check=True
    )
    return json.loads(told.stdout)


def write(found: Found) -> None:
    """Keep what was found beside what is known of other contestants, and put the table there."""
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    of, tasks = dict(known.get("of", {})), known.get("tasks", {})
    for kind in KINDS:
        if kind.name in found:
            today = datetime.now(UTC).date().isoformat()
            of[kind.name] = {"package": kind.package, **versions(kind), "date": today}
    results = {
        "of": {kind.name: of[kind.name] for kind in KINDS if kind.name in of},
        "tasks": {task.name: _of_task(task.name, found, tasks) for task in TASKS},
    }
    stored = json.dumps(results, indent=1, ensure_ascii=False)
    FILE.write_text(f"{stored}\n", encoding="utf-8")
    put(markdown(results), CHAPTER, CELL)


def _of_task(task: str, found: Found, known: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for kind in KINDS:
        if task in found.get(kind.name, {}):
            verdict = found[kind.name][task]
            answer[kind.name] = {"right": verdict.is_right, "words": verdict.words}
        elif kind.name in known.get(task, {}):
            answer[kind.name] = known[task][kind.name]
    return answer


def markdown(results: dict[str, Any]) -> str:
    """Give the text of the cell: each contestant's verdicts, task by task."""
    kinds = list(results["of"])
    told = results["of"]
    names = "; ".join(f"{name} {told[name]['version']}" for name in kinds)
    kernel, python = (told[OURS][it] for it in ("ipykernel", "python"))
    lines = [
        "## Beside others",
        "",
        *_lines(PROSE, tasks=len(results["tasks"]), kernel=kernel, python=python, more=MORE),
        "",
        *_lines(BY_READING, versions=names, name=READ.name, version=READ.version, of=READ.of),
        "",
        row("", *kinds, READ.name),
        row(*["---"] * (2 + len(kinds))),
        row("gives", *(it.gives for it in KINDS if it.name in kinds), READ.gives),
        row("right", *(_share(results["tasks"], name) for name in kinds), "not run"),
    ]
    for task, verdicts in results["tasks"].items():
        words = [_word(verdicts.get(name)) for name in kinds]
        lines.append(row(task, *words, READ.tasks.get(task, "")))
    return "\n".join(lines)


def _lines(text: str, **values: Any) -> list[str]:
    return textwrap.wrap(text.strip().format(**values), WIDE, break_on_hyphens=False)


def _share(tasks: dict[str, Any], name: str) -> str:
    found = [verdicts[name]["right"] for verdicts in tasks.values() if name in verdicts]
    return f"{sum(found)} of {len(found)}"


def _word(verdict: dict[str, Any] | None) -> str:
    if verdict is None:
        return ""
    return f"{'yes' if verdict['right'] else '**no**'}: {verdict['words']}"
