"""Notebooks, and the other kernels that they hold, for the tests of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.notebook.notebook import Notebook, notebook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="module")
async def nb(anyio_backend: Any) -> AsyncIterator[Notebook]:
    """A notebook in ipykernel with a kernel `a`."""
    async with notebook("python3") as made:
        await made.shown("%%kernel a --spec python3\npass")
        yield made


@pytest.fixture(scope="module", params=["python3", "conkernel"])
async def each(request: pytest.FixtureRequest, anyio_backend: Any) -> AsyncIterator[Notebook]:
    """A notebook in ipykernel, then one in conkernel, each with a kernel `a`."""
    async with notebook(request.param) as made:
        await made.shown("%%kernel a --spec python3\npass")
        yield made
