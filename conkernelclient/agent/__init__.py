"""
How does a tool loop run code, and what does its model read?

The room knows the package's public contract alone, as a user's program would.
"""

from .calls import Call
from .limits import Limits
from .results import SessionResult
from .session import KernelSession
from .tools import ToolAnswer

__all__ = ["Call", "KernelSession", "Limits", "SessionResult", "ToolAnswer"]
