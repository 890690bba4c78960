"""The chapter on the kernel shows what was probed and measured."""

from __future__ import annotations

import json
import re
from typing import Any

from benchmarks import kernel_table
from benchmarks.probes import report
from benchmarks.probes.report import NOT_THERE, PASSED
from benchmarks.probes.run import probes
from benchmarks.run import RESULTS

PROBED: dict[str, Any] = json.loads(report.FILE.read_text(encoding="utf-8"))
MEASURED: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
CELLS: dict[str, str] = {
    cell["id"]: "".join(cell["source"])
    for cell in json.loads(report.CHAPTER.read_text(encoding="utf-8"))["cells"]
}


def test_the_chapter_shows_what_was_probed() -> None:
    """Word for word, and all that is asked today."""
    assert CELLS[report.CELL] == report.markdown(PROBED)
    assert list(PROBED["probes"]) == list(probes())


def test_the_chapter_shows_what_was_measured() -> None:
    """Word for word."""
    assert CELLS[kernel_table.CELL] == kernel_table.markdown(MEASURED)


def test_what_was_measured_names_no_place_of_a_machine() -> None:
    """Figures travel, paths do not."""
    for path in (report.FILE, RESULTS):
        assert re.findall(r'["\s](/\w+/[\w./-]*)', path.read_text(encoding="utf-8")) == []


def test_our_kernel_passed_each_probe_each_time() -> None:
    """At least 60, none of which it lacks."""
    outcomes = [row["conkernel"] for row in PROBED["probes"].values()]
    assert len(outcomes) >= 60
    assert not any(NOT_THERE in it for it in outcomes)
    assert {it for row in outcomes for it in row} == {PASSED}
    assert len({len(row) for row in outcomes}) == 1
