"""
Do `conkernel run` and a `NotebookSession` make of notebooks what nbclient makes of them?

And what do four at once save?

    python -m benchmarks.notebooks FOLDER

runs each notebook below FOLDER, and our own ones, with all three, and tells what differs; then all
of them with `conkernel run`, one by one and four at once. It fetches nothing. Notebooks that others
test with are in the source distributions of nbclient and papermill: `pip download --no-deps
--no-binary nbclient,papermill nbclient papermill`, unpacked.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from conkernelclient import ConKernelManager
from conkernelclient.errors import DeadKernelError as OurDeadKernelError
from conkernelclient.errors import NotebookError
from conkernelclient.sidecar.document import Notebook
from conkernelclient.sidecar.session.session import NotebookSession
from conkernelclient.sidecar.sidecar import Sidecar

from .own_notebooks import write_all

__all__ = ["by_nbclient", "by_session", "by_us", "differences", "normalised", "session_run"]

COMMAND: Final = "from conkernelclient.cli import main; raise SystemExit(main())"
TIMEOUT: Final = 20  # seconds for a cell
IN_MEMORY: Final = "--HistoryManager.hist_file=:memory:"  # as nbclient starts its kernels
WIDGETS: Final = "application/vnd.jupyter.widget-state+json"
# What is another one in each run: colours, addresses, files and folders of a kernel's process,
# times, ids.
VARYING: Final = (
    (re.compile(r"\x1b\[[\d;]*m"), ""),
    (re.compile(r"0x[0-9a-f]{6,}"), "ADDRESS"),
    (re.compile(r"(/[\w.~-]+)*/(ipykernel_\d+|tmp\w*)/[\w./-]*"), "FILE"),
    (re.compile(r"\b\d+(\.\d+)?(it/s|s/it|\s?[mnµ]?s\b)"), "TIME"),
    (re.compile(r"\b\d\d:\d\d(:\d\d)?(\.\d+)?Z?\b|, *\?it/s"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]"), "DATE "),
)
ID: Final = re.compile(
    r"(?<![0-9a-f])([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f])"
)


def by_nbclient(path: Path, *, keeps_going: bool = False) -> tuple[Any, str]:
    """Give the notebook as nbclient leaves it, and "ok", "error", "dead" or "timeout"."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        allow_errors=keeps_going,
        resources={"metadata": {"path": str(path.parent)}},
        timeout=TIMEOUT,
        kernel_name="" if notebook.metadata.get("kernelspec", {}).get("name") else "python3",
    )
    status = "ok"
    try:
        client.execute()
    except CellExecutionError:
        status = "error"
    except DeadKernelError:
        status = "dead"
    except CellTimeoutError:
        status = "timeout"
    return notebook, status


def by_us(path: Path, *, keeps_going: bool = False) -> tuple[Any, str]:
    """Give the notebook as `conkernel run` leaves it, and how it ended; see `by_nbclient`."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "out.ipynb")
        command = ["run", str(path), "-o", str(target), "--json", "--timeout", str(TIMEOUT)]
        done = conkernel([*command, *(["--keep-going"] if keeps_going else [])])
        if not target.exists():
            raise RuntimeError(done.stderr.strip())
        summary = json.loads(done.stdout)
        return nbformat.read(target, as_version=4), summary["notebooks"][0]["status"]


def by_session(path: Path) -> tuple[Any, str]:
    """Give the notebook as a `NotebookSession` leaves it, and how it ended; see `by_nbclient`."""
    return asyncio.run(session_run(path))


async def session_run(path: Path) -> tuple[Any, str]:
    """Run a notebook in a session, and save it; see `by_session`."""
    notebook = Notebook.load(path, repair=True)
    name = notebook.metadata.get("kernelspec", {}).get("name") or "python3"
    manager = ConKernelManager.of_own_kernel(name, pass_on_output=False)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "out.ipynb")
        options: dict[str, Any] = {"allow_stdin": False, "max_output_bytes": None}
        await manager.start_kernel(cwd=str(path.parent), extra_arguments=[IN_MEMORY])
        try:
            async with Sidecar(manager) as sidecar:
                async with NotebookSession(notebook, sidecar, target, **options) as session:
                    ended = await _run_all(session)
                    await session.save()
                with contextlib.suppress(OurDeadKernelError):
                    await sidecar.shutdown_request()
        finally:
            await manager.shutdown_kernel(now=True)
        return nbformat.read(target, as_version=4), ended


async def _run_all(session: NotebookSession) -> str:
    """Run all cells; gives how that ended."""
    for action in session.run_all():
        tags = session.notebook.cell(action.cell_id or "")["metadata"].get("tags", ())
        try:
            async with asyncio.timeout(TIMEOUT):
                result = await action
        except TimeoutError:
            await session.interrupt()
            await action
            return "timeout"
        except OurDeadKernelError:
            return "dead"
        if result.status != "ok" and "raises-exception" not in tags:
            return "error"
    return "ok"


def conkernel(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of ours, to its end."""
    command = [sys.executable, "-c", COMMAND, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def normalised(notebook: Any) -> Any:
    """Give a notebook without what is another one in each run; neighbouring text is one output."""
    notebook = copy.deepcopy(notebook)
    widgets = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    for cell in notebook.cells:
        cell.pop("id", None)
        cell.metadata.pop("execution", None)
        cell.metadata.pop("conkernelclient", None)
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    for widget in widgets.values():
        if "outputs" in widget["state"]:
            widget["state"]["outputs"] = _joined(widget["state"]["outputs"])
    text = json.dumps(notebook)
    notebook = json.loads(text, object_hook=_plain)
    return _numbered(notebook)


def _joined(outputs: Any) -> list[Any]:
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            joined.append(dict(output))
    return joined


def _plain(part: dict[str, Any]) -> dict[str, Any]:
    return {key: _masked(value) for key, value in part.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(part) for part in value]
    if isinstance(value, str):
        for pattern, word in VARYING:
            value = pattern.sub(word, value)
    return value


def _numbered(notebook: Any) -> Any:
    """Call ids by the order in which they come: in cells, then in the widgets that these show."""
    states = notebook["metadata"].get("widgets", {}).get(WIDGETS, {}).get("state", {})
    order = dict.fromkeys(_ids(notebook["cells"]))
    for _ in range(2):
        seen = list(order)
        for model in seen:  # it grows meanwhile
            for found in _ids(states.get(model)):
                if found not in order:
                    order[found] = None
                    seen.append(found)
        hidden = {model: ID.sub("", json.dumps(states[model])) for model in states}
        order |= dict.fromkeys(sorted(states.keys() - order.keys(), key=hidden.__getitem__))
    numbers = {name: f"ID{place:03}" for place, name in enumerate(order)}
    text = ID.sub(lambda found: numbers.get(found[0], found[0]), json.dumps(notebook))
    return json.loads(text)


def _ids(part: Any) -> list[str]:
    return [found[0] for found in ID.finditer(json.dumps(part))]


def differences(ours: Any, theirs: Any) -> Iterator[str]:
    """Tell where two notebooks differ, ours first, a line each."""
    one, other = normalised(ours), normalised(theirs)
    for place, (cell, cell2) in enumerate(zip(one["cells"], other["cells"], strict=True)):
        yield from _differ(f"cell {place + 1}", cell, cell2)
    yield from _differ("metadata", one["metadata"], other["metadata"])


def _differ(where: str, one: Any, other: Any) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from _differ(f"{where}.{key}", one.get(key), other.get(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (part, part2) in enumerate(zip(one, other, strict=True)):
            yield from _differ(f"{where}[{place}]", part, part2)
    elif one != other:
        yield f"{where}: ours {_short(one)}, nbclient's {_short(other)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 160 else f"{text[:157]}..."


def main(folder: Path) -> int:
    """Compare, and measure; gives 0 if all was run."""
    warnings.simplefilter("ignore")  # of what nbclient and nbformat say about notebooks
    with tempfile.TemporaryDirectory() as own:
        paths = [*sorted(folder.rglob("*.ipynb")), *write_all(Path(own))]
        usable = [path for path in paths if _compare(path)]
        print(f"\n{len(usable)} of {len(paths)} notebooks were run")
        figures = {jobs: _time(usable, jobs) for jobs in (1, 4)}
        print(f"seconds, one by one and four at once: {figures}; {figures[4] / figures[1]:.2f}")
    return 0


def _compare(path: Path) -> bool:
    try:
        theirs, ended = by_nbclient(path)
    except Exception as error:
        print(f"{path.name}: nbclient: {type(error).__name__}: {str(error)[:100]}")
        return False
    for name, run in (("conkernel run", by_us), ("NotebookSession", by_session)):
        try:
            ours, ended_for_us = run(path)
        except (RuntimeError, NotebookError) as error:
            print(f"{path.name}: {name}: {error}")
            return False
        found = list(differences(ours, theirs))
        if ended != ended_for_us:
            found.append(f"ended: ours {ended_for_us}, nbclient's {ended}")
        told = "equal" if not found else f"{len(found)} differences"
        print(f"{path.name}: {name}: {ended}, {told}")
        for line in found[:12]:
            print(f"    {line}")
    return True


def _time(paths: list[Path], jobs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        for place, group in enumerate(_apart(paths)):  # names are there twice
            target = str(Path(folder, str(place)))
            output = ["-o", target] if len(group) > 1 else []
            conkernel(["run", *map(str, group), *output, "-q", "-k", "-j", str(jobs)])
        return time.perf_counter() - began


def _apart(paths: list[Path]) -> list[list[Path]]:
    groups: list[dict[str, Path]] = []
    for path in paths:
        group = next((group for group in groups if path.name not in group), None)
        if group is None:
            group = {}
            groups.append(group)
        group[path.name] = path
    return [list(group.values()) for group in groups]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
