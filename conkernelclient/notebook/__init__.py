"""
How does a notebook use other kernels, and watch many runs?

`%load_ext conkernelclient` adds the cell magic `%%kernel` and the line magic `%kernel`, see
`magics`; `await progress(runs)` shows how many runs go on. The room knows the package's public
contract alone, as a user's program would.
"""

from .many import progress

__all__ = ["progress"]
