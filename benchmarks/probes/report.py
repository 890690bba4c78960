"""What is told of the probes: of which versions, when, and what each kernel failed in?"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..chapters import put
from .kernels import KINDS, OURS, ROOT

if TYPE_CHECKING:
    from .kernels import Kind

__all__ = ["CELL", "CHAPTER", "FILE", "NOT_THERE", "PASSED", "markdown", "summary", "write"]

FILE: Final = Path(__file__).parent / "results.json"
CHAPTER: Final = ROOT / "nbs" / "05_kernel.ipynb"
CELL: Final = "kernel-probes"  # the id of the chapter's cell that shows the table
PASSED, NOT_THERE = "passed", "not there"
VERSIONS: Final = (
    "import importlib.metadata as m, json, platform, sys; "
    "print(json.dumps([platform.python_version(), m.version(sys.argv[1])]))"
)

Outcomes = dict[str, dict[str, list[str]]]  # by claim and kernel, one per round


def summary(answer: Outcomes) -> dict[str, Any]:
    """Give, by kernel, how many probes it passed each time, and of how many that it claims."""
    lines: dict[str, Any] = {}
    for kind in next(iter(answer.values())):
        outcomes = [row[kind] for row in answer.values()]
        there = [it for it in outcomes if NOT_THERE not in it]
        passed = [it for it in there if set(it) == {PASSED}]
        lines[kind] = {
            "passed": len(passed),
            "of": len(there),
            "not there": len(outcomes) - len(there),
        }
    return lines


def version(kind: Kind) -> str:
    """Give the version of a kernel in its environment."""
    package = "conkernelclient" if kind.name == OURS else kind.name
    told = subprocess.run(
        [kind.argv[0], "-c", VERSIONS, package], capture_output=True, text=True, check=True
    )
    python, found = json.loads(told.stdout)
    return f"{found}, Python {python}"


def write(answer: Outcomes) -> None:
    """Keep what was measured beside what is known of other kernels, and put the table there."""
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    probed = next(iter(answer.values()))
    of = {kind.name: known.get("of", {}).get(kind.name) for kind in KINDS}
    for kind in KINDS:
        if kind.name in probed:
            of[kind.name] = {"date": datetime.now(UTC).date().isoformat(), "version": version(kind)}
    before = known.get("probes", {})
    probes = {claim: {**before.get(claim, {}), **row} for claim, row in answer.items()}
    in_order = {
        claim: {kind: row[kind] for kind in of if kind in row} for claim, row in probes.items()
    }
    results = {
        "machine": sys.platform,
        "of": {kind: told for kind, told in of.items() if told},
        "kernels": summary(in_order),
        "probes": in_order,
    }
    FILE.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    put(markdown(results), CHAPTER, CELL)


def markdown(results: dict[str, Any]) -> str:
    """Give the text of the chapter: each kernel's figures, and what one of them does not pass."""
    kinds = list(results["kernels"])
    told = results["of"]
    versions = "; ".join(f"{kind} {told[kind]['version']}, {told[kind]['date']}" for kind in kinds)
    times = len(next(iter(results["probes"].values())).get(OURS, ["none"]))
    rounds = "once" if times == 1 else f"{times} times over"
    lines = [
        "## Beside other kernels",
        "",
        f"`make probes` asks {len(results['probes'])} things of each kernel, each in a fresh "
        "process: ours",
        f"{rounds}, the others once. What can only be asked by this package's metadata is asked of "
        "ours alone.",
        "",
        f"Of {versions}.",
        "",
        row("", *kinds),
        row(*["---"] * (1 + len(kinds))),
        row("passes", *(share(results["kernels"][kind]) for kind in kinds)),
    ]
    for claim, outcomes in results["probes"].items():
        words = [word(outcomes[kind]) for kind in kinds]
        if any(it not in ("yes", "") for it in words):
            lines.append(row(claim, *words))
    return "\n".join(lines)


def share(line: dict[str, int]) -> str:
    """Give a kernel's figures."""
    return f"{line['passed']} of {line['of']}"


def row(*columns: str) -> str:
    """Give a row of a table."""
    return "| " + " | ".join(it.replace("|", "\\|") for it in columns) + " |"


def word(outcomes: list[str]) -> str:
    """Give one outcome: "yes", nothing where it is not there, or what failed how often."""
    if NOT_THERE in outcomes:
        return ""
    failed = [it for it in outcomes if it != PASSED]
    if not failed:
        return "yes"
    often = "" if len(failed) == len(outcomes) else f", {len(failed)} of {len(outcomes)} times"
    return ("hangs" if failed[0].startswith("hangs") else "no") + often
