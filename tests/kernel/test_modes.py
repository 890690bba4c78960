"""What of a message says how it runs, and what it says to an option that cannot be."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conkernelclient.kernel.modes import (
    LONGEST_NAME,
    MODES,
    MOST_AFTER,
    BadOptionError,
    Options,
    RunMode,
    all_concurrency_run_modes,
    is_list_of_str,
    options_of,
)

# Mode by message type: on shell, and on control; "-" where it is not taken.
TABLE = """
execute_request         queue    queue
complete_request        language language
inspect_request         language language
is_complete_request     language language
history_request         language language
comm_open               comm     -
comm_msg                comm     -
comm_close              comm     -
comm_info_request       direct   -
kernel_info_request     direct   direct
connect_request         direct   direct
interrupt_request       direct   direct
shutdown_request        control  control
debug_request           -        control
usage_request           -        control
create_subshell_request -        direct
delete_subshell_request -        direct
list_subshell_request   -        direct
list_requests           -        direct
"""
ROWS = list(map(str.split, TABLE.strip().splitlines()))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_message_type_has_its_mode_on_each_channel(row: list[str]) -> None:
    """As the table says."""
    name, *modes = row
    found = [MODES[channel].get(name, "-") for channel in ("shell", "control")]
    assert found == modes


def test_the_table_for_users_has_each_pair_once() -> None:
    """Three columns of the same length; what is not taken has the mode ""."""
    table = all_concurrency_run_modes()
    assert list(table) == ["channel", "msg_type", "mode"]
    rows = list(zip(*table.values(), strict=True))
    assert len(rows) == len(set(rows)) == 2 * len(ROWS)
    assert {name for _channel, name, _mode in rows} == {row[0] for row in ROWS}
    for channel, name, mode in rows:
        assert mode == MODES[channel].get(name, "")


Q, T, H = RunMode.QUEUE, RunMode.TASK, RunMode.THREAD


@pytest.mark.parametrize(
    ("metadata", "code", "default", "mode"),
    [
        # The metadata go before a tag, which goes before the first line, then comes the default.
        ({"run_mode": "thread", "tags": ["task"]}, "# queue", "auto", H),
        ({"run_mode": "queue"}, "# task", "auto", Q),
        ({"run_mode": None, "tags": ["other", "task"]}, "# thread", "queue", T),
        ({"tags": ["thread", "task"]}, "", "queue", H),
        ({"tags": ["other"]}, "# task\n1", "queue", T),
        ({"tags": "task"}, "# thread", "queue", H),
        ({"tags": ["task", 1]}, "1", "queue", Q),
        ({"tags": []}, "1", "task", T),
        ({}, "1", "queue", Q),
        # What is such a first line, and what is none.
        ({}, "##task", "queue", T),
        ({}, "\n \t# thread \t\n1", "queue", H),
        ({}, "#queue\n1", "thread", Q),
        ({}, "# task of mine", "queue", Q),
        ({}, "### task", "queue", Q),
        ({}, "1\n# task", "queue", Q),
        ({}, "# Task", "queue", Q),
        ({}, "#\ntask", "queue", Q),
    ],
)
def test_each_source_of_a_mode_in_its_order(
    metadata: dict[str, Any], code: str, default: str, mode: RunMode
) -> None:
    """The first that says something."""
    assert options_of(metadata, code, default) == Options(mode)


@pytest.mark.parametrize(
    ("metadata", "code", "is_auto"),
    [
        ({}, "await x", True),
        ({"run_mode": "queue"}, "await x", False),
        ({"tags": ["queue"]}, "await x", False),
        ({}, "# queue\nawait x", False),
    ],
)
def test_only_what_says_nothing_else_is_automatic(
    metadata: dict[str, Any], code: str, is_auto: bool
) -> None:
    """It is for the queue, until its code is known to await."""
    options = options_of(metadata, code, "auto")
    assert (options.mode, options.is_auto) == (Q, is_auto)
    assert options.as_task() == Options(T)


def test_all_options_are_read() -> None:
    """And each has its default."""
    metadata = {
        "run_mode": "task",
        "lane": "a",
        "priority": -5,
        "after": ["x", "y", "x"],
        "timeout": 3,
    }
    options = options_of(metadata, "")
    assert options == Options(T, "a", -5, ("x", "y", "x"), 3.0)
    assert type(options.timeout) is float
    assert options_of({"after": None, "timeout": None}, "") == Options(Q, "", 0, (), None)


LANE = f"lane: give a name of at most {LONGEST_NAME} characters"
AFTER = f"after: give a list of at most {MOST_AFTER} msg_ids"
PRIORITY = "priority: give an integer, not "
TIMEOUT = "timeout: give seconds, over 0, or null, not "
MODE = 'run_mode: give "queue", "task" or "thread", not '


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"run_mode": "subprocess"}, f"{MODE}'subprocess'"),
        ({"run_mode": "auto"}, f"{MODE}'auto'"),
        ({"run_mode": "language"}, f"{MODE}'language'"),
        ({"run_mode": ["task"]}, f"{MODE}['task']"),
        ({"run_mode": {}}, f"{MODE}{{}}"),
        ({"run_mode": False}, f"{MODE}False"),
        ({"lane": "x" * 1_000_000}, LANE),
        ({"lane": None}, LANE),
        ({"priority": 1.5}, f"{PRIORITY}1.5"),
        ({"priority": True}, f"{PRIORITY}True"),
        ({"priority": None}, f"{PRIORITY}None"),
        ({"timeout": -1}, f"{TIMEOUT}-1"),
        ({"timeout": 0}, f"{TIMEOUT}0"),
        ({"timeout": True}, f"{TIMEOUT}True"),
        ({"timeout": math.nan}, f"{TIMEOUT}nan"),
        ({"timeout": math.inf}, f"{TIMEOUT}inf"),
        ({"timeout": 10**5000}, f"{TIMEOUT}such a large int"),
        ({"timeout": "1"}, f"{TIMEOUT}'1'"),
        ({"after": "id"}, AFTER),
        ({"after": [1]}, AFTER),
        ({"after": ["x"] * (MOST_AFTER + 1)}, AFTER),
    ],
)
def test_each_bad_option_has_its_words(metadata: dict[str, Any], words: str) -> None:
    """They name the option, and what could be."""
    with pytest.raises(BadOptionError) as raised:
        options_of(metadata, "")
    assert str(raised.value) == words


def test_a_bad_default_is_an_error_as_well() -> None:
    """It is the kernel's, which a user can set."""
    with pytest.raises(BadOptionError, match="nonsense"):
        options_of({}, "", "nonsense")


def test_the_words_are_short_whatever_was_given() -> None:
    """A megabyte is not sent back, and what is nested deeply costs nothing."""
    nested: Any = []
    for _ in range(5_000):
        nested = [nested]
    for value in ("x" * 1_000_000, nested, {"a" * 99: "b" * 99, "c" * 99: "d" * 99, "e": 1}):
        for name in ("run_mode", "priority", "timeout"):
            with pytest.raises(BadOptionError) as raised:
                options_of({name: value}, "")
            assert len(str(raised.value)) < 150


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["queue", "task", "thread", "auto"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(["run_mode", "lane", "priority", "after", "timeout", "tags"])


@given(st.dictionaries(NAMES | st.text(), ANYTHING), st.text() | st.just("# task"))
@example({"timeout": 10**400}, "")
@example({"timeout": -(10**400)}, "")
def test_any_metadata_give_options_or_a_bad_option_error(
    metadata: dict[str, Any], code: str
) -> None:
    """Nothing else comes of what a front end sends."""
    try:
        options = options_of(metadata, code, "auto")
    except BadOptionError:
        return
    assert options.mode in (Q, T, H)
    assert isinstance(options.lane, str)
    assert isinstance(options.priority, int)
    assert all(isinstance(it, str) for it in options.after)
    assert options.timeout is None or 0 < options.timeout < math.inf


def test_a_list_of_strings_is_known() -> None:
    """A string is none, though it has strings in it."""
    assert is_list_of_str([])
    assert is_list_of_str(["a"])
    assert not is_list_of_str("a")
    assert not is_list_of_str(["a", 1])
    assert not is_list_of_str(None)
