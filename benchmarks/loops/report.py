"""What is told of the loops: of which versions, when, and what each contestant gave?"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..probes.report import row
from .kinds import KINDS, OURS, READ
from .tasks import MORE, TASKS

if TYPE_CHECKING:
    from .kinds import Kind
    from .tasks import Verdict

__all__ = ["CELL", "CHAPTER", "FILE", "markdown", "put", "write"]

FILE: Final = Path(__file__).parent / "results.json"
CHAPTER: Final = Path(__file__).parents[2] / "nbs" / "04_tool_loops.ipynb"
CELL: Final = "tools-beside"  # the id of the chapter's cell that shows the table
VERSIONS: Final = (
    "import importlib.metadata as m, json, platform, sys; "
    "print(json.dumps([platform.python_version(), *map(m.version, sys.argv[1:])]))"
)

Found = dict[str, dict[str, "Verdict"]]  # by contestant and task


def versions(kind: Kind) -> dict[str, str]:
    """Give the versions of a contestant, of its kernel and of Python, in its environment."""
    told = subprocess.run(
        [kind.version_python, "-c", VERSIONS, kind.package, "ipykernel"],
        capture_output=True,
        text=True,
        check=True,
    )
    python, package, kernel = json.loads(told.stdout)
    return {"version": package, "ipykernel": kernel, "python": python}


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
    put(markdown(results))


def _of_task(task: str, found: Found, known: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for kind in KINDS:
        if task in found.get(kind.name, {}):
            verdict = found[kind.name][task]
            answer[kind.name] = {"right": verdict.is_right, "words": verdict.words}
        elif kind.name in known.get(task, {}):
            answer[kind.name] = known[task][kind.name]
    return answer


def put(text: str) -> None:
    """Put text into the chapter's cell."""
    notebook = json.loads(CHAPTER.read_text(encoding="utf-8"))
    (cell,) = (cell for cell in notebook["cells"] if cell["id"] == CELL)
    cell["source"] = text.splitlines(keepends=True)
    stored = json.dumps(notebook, indent=1, ensure_ascii=False)
    CHAPTER.write_text(f"{stored}\n", encoding="utf-8")


def markdown(results: dict[str, Any]) -> str:
    """Give the text of the cell: each contestant's verdicts, task by task."""
    kinds = list(results["of"])
    told = results["of"]
    names = "; ".join(f"{name} {told[name]['version']}" for name in kinds)
    kernel, python = (told[OURS][it] for it in ("ipykernel", "python"))
    lines = [
        "## Beside others",
        "",
        f"`make loops` gives the same {len(results['tasks'])} tasks to each library, in an "
        "environment of its own, with a fresh kernel for each task",
        f"(ipykernel {kernel}, Python {python}). What is judged is what a model would read of "
        "each call: whether it has what it needs,",
        "whether it fits into a context, and whether the next call works. A call that gives "
        f"nothing {MORE:.0f} s after its timeout hangs.",
        "Where a library gives nbformat outputs, their text is made as most loops do it: streams, "
        "`text/plain` and tracebacks,",
        "one after the other. jupyter-mcp-server and jupyter-kernel-client run beside a Jupyter "
        "server, ipybox without its sandbox.",
        "",
        f"Versions: {names}. {READ.name} {READ.version} needs its cloud and was not run: "
        f"its column says what its class `{READ.of}` has.",
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


def _share(tasks: dict[str, Any], name: str) -> str:
    found = [verdicts[name]["right"] for verdicts in tasks.values() if name in verdicts]
    return f"{sum(found)} of {len(found)}"


def _word(verdict: dict[str, Any] | None) -> str:
    if verdict is None:
        return ""
    return f"{'yes' if verdict['right'] else '**no**'}: {verdict['words']}"
