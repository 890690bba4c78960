"""How does a text get into a chapter of the documentation?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["put"]


def put(text: str, chapter: Path, cell_id: str) -> None:
    """Put `text` into the cell of that id, and leave the others as they are."""
    notebook = json.loads(chapter.read_text(encoding="utf-8"))
    (cell,) = (cell for cell in notebook["cells"] if cell["id"] == cell_id)
    cell["source"] = text.splitlines(keepends=True)
    stored = json.dumps(notebook, indent=1, ensure_ascii=False)
    chapter.write_text(f"{stored}\n", encoding="utf-8")
