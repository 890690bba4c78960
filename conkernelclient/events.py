"""
What happens while a run goes on?

The events that `async for` over a `Run` and `on_output` give.
"""

from .outputs.events import (
    Clear,
    Display,
    DisplayUpdate,
    ErrorOutput,
    ExecuteResult,
    InputRequest,
    Started,
    Stream,
)
from .outputs.result import Event, Finished

__all__ = [
    "Clear",
    "Display",
    "DisplayUpdate",
    "ErrorOutput",
    "Event",
    "ExecuteResult",
    "Finished",
    "InputRequest",
    "Started",
    "Stream",
]
