"""How do the figures of the kernels read, as a table of the chapter?"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from . import chapters
from .probes.report import row

__all__ = ["CELL", "CHAPTER", "PARTS", "markdown", "put"]

CHAPTER: Final = Path(__file__).parents[1] / "nbs" / "05_kernel.ipynb"
CELL: Final = "kernel-speed"  # the id of the chapter's cell that shows the table
PARTS: Final = ("kernel_speed", "kernel_start", "forked")
KERNELS: Final = ("ipykernel", "async-kernel", "ipymini", "ours", "floor")


def markdown(results: dict[str, Any]) -> str:
    """Give the text of the cell from `results.json`."""
    speed = {**results["kernel_speed"], **results["kernel_start"]}
    rows = [(name, told) for name, told in speed.items() if "medians" in told]
    lines = [
        "## How quick",
        "",
        "`make bench-kernels` lets the kernels take turns in one run, and puts the medians here. "
        "The floor is a kernel of about 100 lines",
        "without features. A row that a kernel cannot do is empty; a star says that it gave no "
        "answer at least once. The machine has "
        f"{results['machine']['cpus']} processors.",
        "",
        row("", *KERNELS),
        row(*["---"] * (1 + len(KERNELS))),
    ]
    for name, told in rows:
        figures = [figure(told["medians"].get(it)) for it in KERNELS]
        stars = ["*" if it in told["failed"] else "" for it in KERNELS]
        lines.append(row(name, *(a + b for a, b in zip(figures, stars, strict=True))))
    fair = speed["fairness, ms"]
    lines += [
        "",
        f"While 10,000 requests wait in one lane, a request in another is answered after "
        f"{figure(fair['lane'])} ms, a completion after {figure(fair['completion'])} ms, a",
        f"comm message after {figure(fair['comm'])} ms.",
    ]
    if "forked" in results:
        both = ", ".join(
            f"{name.replace('at_once', '20 at once')} {told['forked_ms']:.0f} ms in place of "
            f"{told['fresh_ms']:.0f}"
            for name, told in results["forked"].items()
        )
        lines.append(f"Forked, a kernel is ready sooner: {both}.")
    return "\n".join(lines)


def figure(value: float | None) -> str:
    """Give three digits of a figure."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def put(results: dict[str, Any]) -> None:
    """Put the table into the chapter's cell."""
    chapters.put(markdown(results), CHAPTER, CELL)
