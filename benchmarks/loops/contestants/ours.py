"""How does conkernelclient run code for a loop? By tool calls of a `KernelSession`."""

from __future__ import annotations

import base64

from conkernelclient.agent import KernelSession


class Loop:
    def __init__(self, timeout: float) -> None:
        self.session = KernelSession(timeout=timeout)

    async def open(self) -> None:
        await self.session.__aenter__()

    async def call(self, code: str) -> tuple[str, list[bytes]]:
        answer = await self.session.handle_tool_call("run", {"code": code})
        content = answer.for_anthropic("call")["content"]
        texts = [block["text"] for block in content if block["type"] == "text"]
        images = [block["source"]["data"] for block in content if block["type"] == "image"]
        return "\n".join(texts), [base64.b64decode(image) for image in images]

    async def close(self) -> None:
        await self.session.close()
