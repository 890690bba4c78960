"""
How do front ends reach a notebook session over WebSockets?

`serve` does it, with a page of its own; `make_app` is the ASGI application, for another server.
What passes between the two sides is in `json_schema`. It needs the extra `[sidecar]`.
"""

from .app import make_app
from .schema import json_schema
from .serving import serve

__all__ = ["json_schema", "make_app", "serve"]
