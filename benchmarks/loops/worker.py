"""
What does one contestant give to a loop for some calls?

`python -P worker.py contestants/ours.py 20` takes a turn of calls a line from its standard input,
and says on its standard output what each gave. It imports nothing of this package: each contestant
has its own environment. A contestant's file defines `Loop(timeout)` with `open`, `call(code)`,
which gives the text and the images that a model would read, and `close`, all three async.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import struct
import sys
import time
from typing import Any

SHOWN = 100_000  # characters of a text from which on its middle is left out of an answer


def load(path: str) -> Any:
    """Import a contestant by its file."""
    spec = importlib.util.spec_from_file_location("contestant", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def size_of(image: bytes) -> list[int]:
    """Give width and height of a PNG; nothing if it is none."""
    if not image.startswith(b"\x89PNG\r\n\x1a\n"):
        return []
    return list(struct.unpack(">II", image[16:24]))


async def call(loop: Any, code: str, within: float) -> dict[str, Any]:
    """Let the contestant run `code`; "hangs" if it gives nothing within so many seconds."""
    began = time.perf_counter()
    told: dict[str, Any] = {"text": "", "images": [], "raised": False, "hangs": False}
    running = asyncio.ensure_future(loop.call(code))
    await asyncio.wait((running,), timeout=within)
    if not running.done():
        running.cancel()
        told["hangs"] = True
    elif (error := running.exception()) is not None:
        told |= {"text": f"{type(error).__name__}: {error}", "raised": True}
    else:
        text, images = running.result()
        told["text"] = text
        told["images"] = [{"bytes": len(it), "size": size_of(it)} for it in images]
    text = told["text"]
    told["chars"] = len(text)
    if len(text) > SHOWN:
        told["text"] = f"{text[: SHOWN // 2]}{text[-SHOWN // 2 :]}"
    told["seconds"] = round(time.perf_counter() - began, 2)
    return told


async def main() -> None:
    """Make calls, those of a line at once, until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a contestant prints
    loop = load(sys.argv[1]).Loop(float(sys.argv[2]))
    await loop.open()
    try:
        print(json.dumps("open"), file=answers, flush=True)
        running = asyncio.get_running_loop()
        while line := await running.run_in_executor(None, sys.stdin.readline):
            codes, within = json.loads(line)
            told = await asyncio.gather(*(call(loop, code, within) for code in codes))
            print(json.dumps(told), file=answers, flush=True)
    finally:
        await asyncio.wait_for(loop.close(), 10)


if __name__ == "__main__":
    asyncio.run(main())
