"""
How does a program that speaks the Model Context Protocol run code in kernels?

Needs the extra `[mcp]`, the official SDK. `conkernel mcp` is its command; `make_server` gives the
server itself, for a transport of one's own or a client in the same process.
"""

from .http import serve_http
from .kernels import Settings
from .server import make_server
from .stdio import serve_stdio

__all__ = ["Settings", "make_server", "serve_http", "serve_stdio"]
