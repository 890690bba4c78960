"""What can be done from a shell? The command `conkernel`."""

from .main import main

__all__ = ["main"]
