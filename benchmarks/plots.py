"""
What do the figures of `benchmarks/results.json` look like?

`python -m benchmarks.plots` draws them into `benchmarks/plots/`, each as PNG and as SVG.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

RESULTS: Final = Path(__file__).with_name("results.json")
PLOTS: Final = Path(__file__).with_name("plots")

OURS: Final = "conkernelclient"
COLORS: Final = {
    "floor": "#9a9a9a",
    "raw DEALER": "#cccccc",
    OURS: "#c2410c",
    "conkernelclient 0.0.23": "#1d4ed8",
    "jupyter_client": "#60a5fa",
    "kernel-sidecar": "#0f766e",
    "async-kernel": "#a3a635",
}
STYLE: Final = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "figure.constrained_layout.use": True,
    "font.size": 9.5,
    "legend.frameon": False,
    "svg.hashsalt": "conkernelclient",  # the same figures give the same file
}


def _plain(value: float, _: object = None) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _log(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(_plain))
    axis.set_minor_locator(NullLocator())


def cost(results: Mapping[str, Any]) -> Figure:
    """Draw the CPU of a request by shape, plain and encrypted."""
    parts = {"plain": results["cost"], "with CURVE": results["cost_curve"]}
    figure, rows = plt.subplots(len(parts), 1, figsize=(9, 7), sharey=True)
    for axes, (title, part) in zip(rows, parts.items(), strict=True):
        names = [
            name for name in COLORS if any(name in one["contestants"] for one in part.values())
        ]
        width = 0.85 / len(names)
        for place, name in enumerate(names):
            _bars(axes, name, place, width, [one["contestants"][name] for one in part.values()])
        axes.set_yscale("log")
        axes.set_yticks([100, 200, 500, 1000, 2000, 5000, 10_000])
        _log(axes.yaxis)
        axes.set_ylim(100, 20_000)
        axes.set_xticks([x + 0.85 / 2 - width / 2 for x in range(len(part))], list(part))
        axes.tick_params(axis="x", length=0)
        axes.set_ylabel("client CPU per request (µs, log)")
        axes.set_title(f"What a request costs the client, {title}")
    handles, labels = rows[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _bars(axes: Axes, name: str, place: int, width: float, figures: list[dict[str, Any]]) -> None:
    places = [x + place * width for x in range(len(figures))]
    heights = [one.get("cpu_us", 0) for one in figures]
    axes.bar(places, heights, width * 0.92, color=COLORS[name], label=name)
    for x, height in zip(places, heights, strict=True):
        if height:
            axes.text(x, height * 1.05, _plain(height), ha="center", va="bottom", fontsize=7)
        else:
            axes.text(x, 108, "cannot", ha="center", va="bottom", fontsize=7, rotation=90)


def latency(results: Mapping[str, Any]) -> Figure:
    """Draw the time to a reply by the number outstanding."""
    part = results["latency"]
    outstanding = [int(one) for one in part]
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for name in next(iter(part.values())):
        for figure_name, line in (("p50_us", "-"), ("p99_us", "--")):
            times = [one[name].get(figure_name, float("nan")) / 1e3 for one in part.values()]
            label = f"{name}, {figure_name[:3]}"
            axes.plot(outstanding, times, line, marker="o", ms=4, color=COLORS[name], label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(outstanding)
    _log(axes.xaxis)
    _log(axes.yaxis)
    axes.set_xlabel("requests outstanding (log)")
    axes.set_ylabel("time to the reply (ms, log)")
    axes.set_title("How long a reply takes")
    axes.grid(color="#eeeeee")
    axes.legend()
    return figure


def growth(results: Mapping[str, Any]) -> Figure:
    """Draw the CPU of a request by the number outstanding."""
    part = {key: one for key, one in results["growth"].items() if key.isdecimal()}
    outstanding = [int(one) for one in part]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
    for name in ("floor", OURS):
        cpu = [one[name].get("cpu_us", float("nan")) for one in part.values()]
        left.plot(outstanding, cpu, marker="o", ms=4, color=COLORS[name], label=name)
    ratios = [one["ours/floor"] or float("nan") for one in part.values()]
    right.plot(outstanding, ratios, marker="o", ms=4, color=COLORS[OURS])
    for axes, title, unit in (
        (left, "CPU by the number outstanding", "client CPU per request (µs)"),
        (right, "In times the floor", "CPU of conkernelclient / CPU of the floor"),
    ):
        axes.set_xscale("log")
        axes.set_xticks(outstanding)
        _log(axes.xaxis)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("requests outstanding (log)")
        axes.set_ylabel(unit)
        axes.set_title(title)
        axes.grid(color="#eeeeee")
    left.legend(loc="lower right")
    return figure


def memory(results: Mapping[str, Any]) -> Figure:
    """Draw what a request takes, and what stays."""
    part = results["memory"]
    sizes = {"outstanding": part["outstanding_bytes"]["traced"]}
    for outputs, kinds in part["finished_bytes"].items():
        for kind, size in kinds.items():
            sizes[f"finished, {outputs} outputs,\n{kind}"] = size
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), width_ratios=(3, 2))
    names = list(sizes)[::-1]
    bars = left.barh(names, [sizes[name] / 1024 for name in names], color=COLORS[OURS], height=0.6)
    left.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
    left.tick_params(axis="y", length=0, labelsize=8)
    left.margins(x=0.12)
    left.set_xlabel("KiB of Python objects")
    left.set_title("What one run takes")
    flat = part["flat"]
    steps = len(flat["rss_mb"]) - 1
    made = [flat["requests"] * step / steps for step in range(steps + 1)]
    right.plot(made, flat["rss_mb"], marker="o", ms=4, color=COLORS[OURS])
    right.set_ylim(bottom=0)
    right.xaxis.set_major_formatter(FuncFormatter(_plain))
    right.locator_params(axis="x", nbins=4)
    right.set_xlabel("requests made")
    right.set_ylabel("resident memory (MiB)")
    right.set_title("What stays")
    right.grid(color="#eeeeee")
    return figure


DRAWN: Final[Mapping[str, Callable[[Mapping[str, Any]], Figure]]] = {
    "cost": cost,
    "latency": latency,
    "growth": growth,
    "memory": memory,
}


def main() -> None:
    """Draw all of them."""
    results = json.loads(RESULTS.read_text())
    PLOTS.mkdir(exist_ok=True)
    plt.rcParams.update(STYLE)
    for name, draw in DRAWN.items():
        figure = draw(results)
        figure.savefig(PLOTS / f"{name}.png", dpi=144, metadata={"Software": None})
        figure.savefig(PLOTS / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)
    print(f"drawn: {', '.join(DRAWN)}, in {PLOTS.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
