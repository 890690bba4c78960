"""What is hard to read, and when two things that were read are the same."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from tests.messages import DATE

# Each oddity that JSON libraries treat differently.
ODD_TEXTS = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cs", "L"])),  # with lone surrogates
    st.sampled_from([DATE, "2026-01-02T03:04:05", "null", "NaN", "<IDS|MSG>"]),
    st.sampled_from(["2026-01-02T24:00:00Z", "9999-12-31T24:00:00Z", "0001-01-01T00:00:00"]),
)


def same(one: Any, other: Any) -> bool:
    """Equal, NaN being equal to itself, and 1 not to True or 1.0."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        case (list(), list()):
            return len(one) == len(other) and all(map(same, one, other))
        case float(), float():
            return one == other or (math.isnan(one) and math.isnan(other))
        case datetime(), datetime():
            return one == other and one.utcoffset() == other.utcoffset()
        case _:
            return type(one) is type(other) and one == other
