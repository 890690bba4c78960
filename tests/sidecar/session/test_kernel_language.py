"""The metadata say what language has run the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.errors import DeadKernelError
from conkernelclient.sidecar.session.kernel_language import KernelLanguage
from conkernelclient.sidecar.session.ledger import Ledger

from .sessions import book

if TYPE_CHECKING:
    from conkernelclient.sidecar.document import Notebook


class Kernel:
    """A client whose kernel says this of its language."""

    def __init__(self, info: Any, error: Exception | None = None) -> None:
        self.info = info
        self.error = error

    async def kernel_info(self, *, reply: bool) -> Any:
        if self.error is not None:
            raise self.error
        return {"content": {"language_info": self.info}}


def language_of(client: Any) -> tuple[KernelLanguage, Ledger, Notebook]:
    """The language of a notebook, what is told, and what the notebook says in the end."""
    notebook = book("1")
    ledger = Ledger(notebook, "idle", None, (), lambda: None)
    return KernelLanguage(notebook, ledger, client), ledger, notebook


@pytest.mark.parametrize("is_asked_first", [True, False])
async def test_it_is_written_when_it_is_known_and_a_cell_has_run(is_asked_first: bool) -> None:
    """In whichever order; and told once."""
    kernel = Kernel({"name": "R", "version": "4"})
    language, ledger, notebook = language_of(kernel)
    if is_asked_first:
        await language.ask()
        assert notebook.metadata == {}
        language.note_run()
    else:
        language.note_run()
        assert notebook.metadata == {}
        await language.ask()
    assert (notebook.language, ledger.revision) == ("R", 1)
    await language.ask()
    language.note_run()
    assert ledger.revision == 1
    kernel.info = {"name": "R", "version": "5"}
    await language.ask()
    assert notebook.metadata["language_info"]["version"] == "5"


@pytest.mark.parametrize(
    "kernel", [Kernel(None), Kernel([]), Kernel({"version": 1}), Kernel({}, DeadKernelError())]
)
async def test_what_is_no_language_is_not_written(kernel: Kernel) -> None:
    """Nor that of a kernel that is gone."""
    language, ledger, notebook = language_of(kernel)
    language.note_run()
    await language.ask()
    assert (notebook.metadata, ledger.revision) == ({}, 0)
