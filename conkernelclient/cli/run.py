"""
How do notebooks run from a shell?

With `conkernel run`. What is to be run, and where it goes, is settled and checked before the first
kernel starts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .notebook_file import write_notebook
from .notebook_parameters import parameter_of, raw_parameter_of
from .options import UsageError, add_command, seconds
from .run_jobs import TO_STDOUT, Job, jobs_of
from .run_notebook import Failure, Outcome, cells_to_run, run_notebook
from .run_progress import Progress

if TYPE_CHECKING:
    from .options import Commands

__all__ = ["add", "run"]

EXAMPLES: Final = (
    "conkernel run report.ipynb -o out.ipynb",
    'conkernel run report.ipynb -o out.ipynb -p alpha=0.5 -p \'names=["a", "b"]\'',
    "conkernel run chapters/*.ipynb -o done/ -j 4 --keep-going",
    "conkernel run report.ipynb -o - --quiet | jupyter nbconvert --stdin --to html",
    "conkernel run *.ipynb --json        # writes nothing, tells what came of each",
)


def add(commands: Commands) -> None:
    """Add the command `run`."""
    parser = add_command(
        commands, "run", "run notebooks, each in a fresh kernel, and write them", EXAMPLES
    )
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="notebook.ipynb")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "-o",
        "--output",
        type=Path,
        help="the notebook that is written; a folder, for several; - is stdout. Without it nothing"
        " is written",
    )
    where.add_argument("--inplace", action="store_true", help="write to where it was read from")
    parser.add_argument(
        "-p",
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a value for a parameter of the cell tagged `parameters`: JSON, or a literal of"
        " Python; anything else is text. A notebook without that cell gets it at its top",
    )
    parser.add_argument(
        "-r", "--raw", action="append", default=[], metavar="NAME=TEXT", help="the same, as text"
    )
    parser.add_argument(
        "-j",
        "--jobs",
        type=_jobs,
        default=1,
        metavar="N",
        help="so many notebooks at once, each in a kernel of its own; the cells of one run in"
        " their order (default: 1)",
    )
    parser.add_argument(
        "-k",
        "--keep-going",
        action="store_true",
        help="run the cells after one that raised as well, and the other notebooks",
    )
    parser.add_argument("--kernel", help="kernelspec (default: the notebook's own)")
    parser.add_argument("--timeout", type=seconds, help="seconds for each cell")
    parser.add_argument("--cwd", type=Path, help="where they run (default: the notebook's folder)")
    parser.add_argument("-q", "--quiet", action="store_true", help="show no outputs of cells")
    parser.add_argument("--json", action="store_true", help="print a summary as JSON, no outputs")
    parser.set_defaults(act=_act)


def _jobs(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return int(text)


async def _act(args: argparse.Namespace) -> int:
    if args.json and args.output == TO_STDOUT:
        raise UsageError("both --json and -o - would write to stdout: give one of them")
    values = dict(map(parameter_of, args.parameter)) | dict(map(raw_parameter_of, args.raw))
    jobs = jobs_of(args, values)
    is_quiet = args.quiet or args.json or args.output == TO_STDOUT
    outcomes = await run(jobs, at_once=args.jobs, is_quiet=is_quiet, keeps_going=args.keep_going)
    if args.json:
        print(json.dumps(_summary(jobs, outcomes), indent=2))
    is_fine = all(one is not None and not one.failures for one in outcomes)
    return 0 if is_fine else 1


async def run(
    jobs: list[Job], *, at_once: int = 1, is_quiet: bool = False, keeps_going: bool = False
) -> list[Outcome | None]:
    """
    Run notebooks, and write each as soon as it has ended, however it ended.

    Args:
        jobs: What is to be run.
        at_once: How many notebooks run at the same time.
        is_quiet: Whether cells' outputs are not shown.
        keeps_going: Whether, after a notebook that failed, others are begun.

    Returns:
        What came of each; None of one that was not begun.
    """
    total = sum(len(cells_to_run(job.plan.notebook)) for job in jobs)
    progress = Progress(total, is_quiet=is_quiet, is_apart=min(at_once, len(jobs)) > 1)
    outcomes: list[Outcome | None] = [None] * len(jobs)
    places = iter(range(len(jobs)))

    async def work() -> None:
        for place in places:
            outcome = outcomes[place] = await _run_one(jobs[place], progress)
            if outcome.failures and not keeps_going:
                for _ in places:  # no other one is begun
                    pass

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(jobs))):
                group.create_task(work())
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    finally:
        progress.close()
    return outcomes


async def _run_one(job: Job, progress: Progress) -> Outcome:
    plan = job.plan
    outcome: Outcome | None = None
    try:
        outcome = await run_notebook(plan, progress)
    finally:
        progress.left(plan)
        failed = _write(job)
    for failure in outcome.failures:
        where = plan.name if failure.cell is None else f"{plan.name}, cell {failure.cell}"
        progress.say(f"{where}: {failure.text}")
    if failed is not None:
        progress.say(failed.text)
        outcome.failures.append(failed)
    return outcome


def _write(job: Job) -> Failure | None:
    if job.target is None:
        return None
    target = None if job.target == TO_STDOUT else job.target
    try:
        write_notebook(job.plan.notebook, target)
    except OSError as error:
        return Failure(None, "error", f"{job.target}: cannot be written: {error.strerror}")
    return None


def _summary(jobs: list[Job], outcomes: list[Outcome | None]) -> dict[str, Any]:
    """Give what programs read: a document with an entry for each notebook, in the given order."""
    entries: list[dict[str, Any]] = []
    for job, outcome in zip(jobs, outcomes, strict=True):
        entry: dict[str, Any] = {
            "notebook": str(job.source),
            "output": None if job.target is None else str(job.target),
            "kernel": job.plan.kernel_name,
            "status": "not run" if outcome is None else outcome.status,
        }
        if outcome is not None:
            entry |= asdict(outcome)
        entries.append(entry)
    is_fine = all(entry["status"] == "ok" for entry in entries)
    return {"status": "ok" if is_fine else "error", "notebooks": entries}
