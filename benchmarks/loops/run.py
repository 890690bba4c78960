"""What does a tool loop get from each contestant in each task?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from ..processes import CannotError, Child
from .kinds import KINDS, OURS, Kind
from .report import write
from .tasks import MORE, TASKS, Answer, Task, Turns, Verdict

HERE: Final = Path(__file__).parent
OPENS_WITHIN: Final = 120.0  # seconds
ENDS_WITHIN: Final = 10.0  # seconds


def opened(kind: Kind, task: Task) -> Child:
    """
    Give a worker that is ready.

    What stands beside others' may not start at once, as a Jupyter server whose port was taken: it
    gets a second try. Ours does not.
    """
    file = HERE / "contestants" / f"{kind.file}.py"
    argv = [kind.python, "-P", str(HERE / "worker.py"), str(file), str(task.timeout)]
    for is_last in (True,) if kind.is_ours else (False, True):
        child = Child(argv, is_ours=kind.is_ours)
        try:
            child.hear(OPENS_WITHIN)
        except CannotError:
            child.end(ENDS_WITHIN)
            if is_last:
                raise
        else:
            break
    return child


def turns_of(kind: Kind, task: Task) -> Turns:
    """Make the calls of a task, in a worker of its own; fewer turns if it answers no more."""
    child = opened(kind, task)
    turns: Turns = []
    try:
        within = task.timeout + MORE
        for codes in task.turns:
            child.tell([codes, within])
            turns.append([Answer(**told) for told in child.hear(within + MORE)])
    except (CannotError, BrokenPipeError) as error:
        print(f"{kind.name}: {error}", file=sys.stderr)
    finally:
        child.end(ENDS_WITHIN)
    return turns


def verdict_of(kind: Kind, task: Task) -> Verdict:
    """Say how a contestant did in a task."""
    try:
        return task.judge(turns_of(kind, task))
    except CannotError as error:
        return Verdict(False, f"cannot: {str(error)[:80]}")


def main() -> int:
    """
    Ask the contestants that are named, or all; what was found of the others before stays.

    The exit status is 1 if ours is wrong in one.
    """
    kinds = [it for it in KINDS if it.name in sys.argv[1:]] or list(KINDS)
    wrong = 0
    for kind in kinds:
        found: dict[str, Verdict] = {}
        for task in TASKS:
            verdict = found[task.name] = verdict_of(kind, task)
            mark = "yes" if verdict.is_right else "NO"
            print(f"{kind.name:22} {task.name:30} {mark:4} {verdict.words}", flush=True)
            wrong += kind.name == OURS and not verdict.is_right
        write({kind.name: found})
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
