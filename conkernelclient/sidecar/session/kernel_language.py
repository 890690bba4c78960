"""
Which language has the kernel, as the notebook's metadata are to say?

They say what has run the cells: it is asked when the kernel is ready, and written when a cell has
begun. So a notebook that is only looked at stays as it is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, cast

from conkernelclient.errors import ConKernelError, EditError

from ..document import SetMetadata, apply
from ..document.checking import copied
from .session_events import MetadataChanged

if TYPE_CHECKING:
    from conkernelclient import ConKernelClient

    from ..document import Notebook
    from .ledger import Ledger

__all__ = ["KernelLanguage"]

logger: Final = logging.getLogger(__name__)


class KernelLanguage:
    """
    Writes a notebook's `language_info`.

    Args:
        notebook: The document.
        ledger: Tells the change.
        client: Asks the kernel.
    """

    def __init__(self, notebook: Notebook, ledger: Ledger, client: ConKernelClient) -> None:
        self._notebook = notebook
        self._ledger = ledger
        self._client = client
        self._info: dict[str, Any] | None = None
        self._has_run = False

    async def ask(self) -> None:
        """Ask the kernel which language it has; nothing happens if it is gone."""
        try:
            reply = await self._client.kernel_info(reply=True)
        except ConKernelError:
            return  # it is asked again when it is ready
        info = reply["content"].get("language_info")
        self._info = cast("dict[str, Any]", info) if isinstance(info, dict) else None
        self._write()

    def note_run(self) -> None:
        """Learn that a cell has begun."""
        if not self._has_run:
            self._has_run = True
            self._write()

    def _write(self) -> None:
        if self._info is None or not self._has_run:
            return
        metadata = {**self._notebook.metadata, "language_info": self._info}
        try:
            changes = apply(self._notebook, SetMetadata(None, metadata))
        except EditError as error:
            logger.info("what the kernel says of its language cannot be kept: %s", error)
            return
        if changes:
            self._ledger.tell(MetadataChanged, copied(self._notebook.metadata))
