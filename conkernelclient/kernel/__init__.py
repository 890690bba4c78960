"""
How do Python cells run at the same time, in one kernel?

In the kernel of the kernelspec `conkernel`, on ipykernel and IPython. Start it by
`python -m conkernelclient.kernel -f FILE`, or have one inside of a program with `EmbeddedKernel`.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from .embed import EmbeddedKernel

__all__ = ["EmbeddedKernel"]


def __getattr__(name: str) -> _Any:
    """Load what is asked for: what starts a kernelspec's kernel needs nothing of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .embed import EmbeddedKernel

    globals()[name] = EmbeddedKernel
    return EmbeddedKernel
