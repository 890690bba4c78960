"""Which calls does a loop make in each task, and when is what it gets right?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MORE", "TASKS", "Answer", "Task", "Verdict"]

TEXT_MOST: Final = 100_000  # characters of a text that fits into a context
MORE: Final = 15.0  # seconds beyond its timeout after which a call hangs
IMAGE_MOST: Final = 5_000_000  # bytes of an image, in base64, that models' services take


@dataclass(frozen=True)
class Answer:
    """What a model would read of one call; see `worker.call`."""

    text: str = ""
    chars: int = 0
    images: Sequence[dict[str, Any]] = ()
    seconds: float = 0.0
    raised: bool = False
    hangs: bool = False

    def has(self, *words: str) -> bool:
        """Whether one of these is in the text, in any case."""
        return any(word in self.text.lower() for word in words)


Turns = list[list[Answer]]  # the answers by turn; fewer turns than asked, if it answers no more


@dataclass(frozen=True)
class Verdict:
    """Whether it was right, and in a few words what came."""

    is_right: bool
    words: str


@dataclass(frozen=True)
class Task:
    """
    What is asked, and when it is right.

    Attributes:
        name: In the table.
        turns: Cells; those of one turn are asked for at once.
        judge: Says how the answers stand.
        timeout: Seconds that a call may run, which the contestant sees to.
    """

    name: str
    turns: Sequence[Sequence[str]]
    judge: Callable[[Turns], Verdict]
    timeout: float = 30.0


def _figure(number: float) -> str:
    return f"{number:,.0f}"


def _chars(answer: Answer) -> str:
    return f"{_figure(answer.chars)} characters"


def _first(turns: Turns) -> Answer:
    return turns[0][0] if turns else Answer(hangs=True)


def _value(turns: Turns) -> Verdict:
    answer = _first(turns)
    is_right = answer.text.strip() == "42"
    return Verdict(is_right, "42" if is_right else f"“{answer.text.strip()[:40]}”")


def _flood(turns: Turns) -> Verdict:
    answer = _first(turns)
    has_end = "the last line" in answer.text
    end = "with its end" if has_end else "without its end"
    if answer.hangs or answer.raised:
        return Verdict(False, _failed(answer))
    return Verdict(has_end and answer.chars <= TEXT_MOST, f"{_chars(answer)}, {end}")


def _progress(turns: Turns) -> Verdict:
    answer = _first(turns)
    states = len(re.findall(r"\d+%\|", answer.text))
    wrong = [f"{states} states of the bar"] if states != 1 or "100%" not in answer.text else []
    wrong += ["ANSI codes"] if "\x1b" in answer.text else []
    wrong += ["`\\r`"] if "\r" in answer.text else []
    if not answer.has("red"):
        return Verdict(False, _failed(answer) if answer.raised else "its text is lost")
    return Verdict(not wrong, ", ".join([_chars(answer), *wrong]))


def _plot(turns: Turns) -> Verdict:
    answer = _first(turns)
    if answer.hangs or answer.raised:
        return Verdict(False, _failed(answer))
    if not answer.images:
        path = re.search(r"\S+\.png", answer.text)
        return Verdict(False, "a path alone" if path else f"no image; {_chars(answer)}")
    (image, *_) = answer.images
    in_base64 = (image["bytes"] + 2) // 3 * 4
    size = "x".join(map(str, image["size"])) or "not a PNG"
    is_right = in_base64 <= IMAGE_MOST and answer.chars <= TEXT_MOST
    return Verdict(is_right, f"{size}, {_figure((in_base64 + answer.chars) / 1000)} kB")


def _table(turns: Turns) -> Verdict:
    answer = _first(turns)
    if answer.has("<table", "<div"):
        return Verdict(False, f"HTML, {_chars(answer)}")
    is_right = answer.has("berlin") and answer.has("city")
    return Verdict(is_right, f"text, {_chars(answer)}" if is_right else "neither")


def _exception(turns: Turns) -> Verdict:
    answer = _first(turns)
    plain = re.sub(r"\x1b\[[\d;]*m", "", answer.text)
    wrong = [] if "ValueError: the reason" in plain else ["last line lost"]
    wrong += ["ANSI codes"] if "\x1b" in answer.text else []
    is_right = not wrong and answer.chars <= TEXT_MOST
    return Verdict(is_right, ", ".join([_chars(answer), *wrong]))


def _failed(answer: Answer) -> str:
    if answer.hangs:
        return "hangs"
    return answer.text.partition("\n")[0][:60].partition("(")[0].strip() or "nothing"


def _following(turns: Turns) -> list[str]:
    """Say what is wrong with the calls that follow, each of which is to give 42."""
    worked = [bool(turn) and turn[0].has("42") and not turn[0].hangs for turn in turns[1:]]
    if worked and all(worked) and len(turns) == 3:
        return []
    if worked and worked[-1] and len(turns) == 3:
        return ["the next call fails, the one after it works"]
    return ["no later call works"]


def _over(turns: Turns) -> Verdict:
    answer = _first(turns)
    if answer.hangs:
        return Verdict(False, ", ".join(["hangs", *_following(turns)]))
    wrong = [] if answer.has("timed out", "timeout", "time out", "interrupt") else ["not told"]
    wrong += [] if answer.has("begun") else ["partial output lost"]
    wrong += _following(turns)
    return Verdict(not wrong, ", ".join([f"{answer.seconds:.1f} s", *wrong]))


def _death(turns: Turns) -> Verdict:
    answer = _first(turns)
    told = answer.has("died", "dead", "kill", "restart", "ended", "gone", "terminated")
    wrong = ["hangs"] if answer.hangs else [] if told else ["not told"]
    wrong += [] if answer.has("begun") else ["partial output lost"]
    following = _following(turns)
    lost = any(it.has("variables", "state", "restart") for turn in turns for it in turn)
    wrong += following or ([] if lost else ["not told that variables are gone"])
    return Verdict(not wrong, ", ".join([f"{answer.seconds:.1f} s", *wrong]))


def _input(turns: Turns) -> Verdict:
    answer = _first(turns)
    if answer.hangs:
        return Verdict(False, ", ".join(["hangs", *_following(turns)]))
    told = answer.has("input")
    wrong = [] if answer.seconds < 10 else ["waits for its timeout"]
    wrong += [] if told else ["not told"]
    wrong += _following(turns)
    return Verdict(not wrong, ", ".join([f"{answer.seconds:.1f} s, {_chars(answer)}", *wrong]))


def _at_once(turns: Turns) -> Verdict:
    if not turns:
        return Verdict(False, "hangs")
    own = [answer.text.strip() == f"mine {n}" for n, answer in enumerate(turns[0])]
    (worst,) = [it for it, ok in zip(turns[0], own, strict=True) if not ok][:1] or [Answer()]
    wrong = "" if all(own) else f"; the rest: {_failed(worst)}"
    return Verdict(all(own), f"{sum(own)} of {len(own)}{wrong}")


def _widget(turns: Turns) -> Verdict:
    answer = _first(turns)
    wrong = ["the state is lost"] if "100%" not in answer.text else []
    wrong += ["its first state"] if re.search(r"\b0%", answer.text) else []
    wrong += ["ANSI codes"] if "\x1b" in answer.text else []
    return Verdict(not wrong, ", ".join([_chars(answer), *wrong]))


NEXT: Final = [["6 * 7"], ["6 * 7"]]
HANG: Final = "print('begun', flush=True)\nimport time\ntime.sleep(600)"
SWALLOW: Final = """
import time
print('begun', flush=True)
while True:
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        pass
"""
KILL: Final = """
import os, signal, time
print('begun', flush=True)
time.sleep(0.5)
os.kill(os.getpid(), signal.SIGKILL)
"""
FLOOD: Final = """
for _ in range(100_000): print('x' * 99)
print('the last line')
"""
PROGRESS: Final = """
import time
from tqdm import tqdm
for _ in tqdm(range(200)): time.sleep(0.01)
print('\\x1b[31mred\\x1b[0m')
"""
WIDGET: Final = """
import time
from tqdm.auto import tqdm
for _ in tqdm(range(200)): time.sleep(0.01)
"""
PLOT: Final = """
%matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
figure = plt.figure(figsize=(40, 40), dpi=100)
axes = figure.add_axes([0, 0, 1, 1])
points = np.random.default_rng(0).normal(size=(2, 20_000))
_ = axes.scatter(*points, c=points[0], s=points[1] ** 2 * 100)
get_ipython().run_line_magic('config', 'InlineBackend.print_figure_kwargs = {"bbox_inches": None}')
plt.show()
"""
TABLE: Final = """
import pandas as pd
pd.DataFrame({'city': ['Berlin', 'Paris', 'Rome'], 'people': [3.7, 2.1, 2.8]})
"""
RAISE: Final = """
print('a line\\n' * 20_000)
def down(n):
    if n == 0:
        raise ValueError('the reason')
    down(n - 1)
down(50)
"""
SHORT: Final = 5.0  # seconds

TASKS: Final = (
    Task("value of the last expression", [["6 * 7"]], _value),
    Task("10 MB printed", [[FLOOD]], _flood),
    Task("tqdm and colours", [[PROGRESS]], _progress),
    Task("a plot of 4000x4000", [[PLOT]], _plot),
    Task("a data frame", [[TABLE]], _table),
    Task("an exception after 140 kB", [[RAISE]], _exception),
    Task("a cell that hangs, 5 s", [[HANG], *NEXT], _over, SHORT),
    Task("SIGKILL", [[KILL], *NEXT], _death, 15.0),
    Task("`input()`", [["name = input('your name? ')"], *NEXT], _input, 15.0),
    Task("ten calls at once", [[f"print('mine', {n})" for n in range(10)]], _at_once),
    Task("an interrupt swallowed, 5 s", [[SWALLOW], *NEXT], _over, SHORT),
    Task("`tqdm.auto`'s widget", [[WIDGET]], _widget),
)
