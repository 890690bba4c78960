"""A program looks at cells before and after they run, and at what belongs to no action."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conkernelclient import ConKernelManager
from conkernelclient.sidecar import models
from conkernelclient.sidecar.actions.hooks import Cell, Refused
from conkernelclient.sidecar.sidecar import Sidecar
from tests.clients import client_of, until
from tests.sidecar.actions.sidecars import error_of


async def test_hooks_rewrite_refuse_and_annotate(km: ConKernelManager) -> None:
    """In order, also where they take their time; what they raise is the action's error."""

    class Hooked(Sidecar):
        async def before_execute(self, cell: Cell) -> Any:
            await asyncio.sleep(0)
            if cell.code == "raise":
                raise ValueError("of the hook")
            if "secret" in cell.code:
                return Refused(f"cell {cell.cell_id} has a secret")
            return Cell(cell.code.replace("twice", "2 *"), cell.cell_id)

        def after_execute(self, cell: Cell, result: Any) -> Any:
            noted.append((cell.code, result.status))

    noted: list[Any] = []
    async with Hooked(km) as sidecar:
        refused = sidecar.execute_request("secret = 1", cell_id="c1", stop_on_error=False)
        raised = sidecar.execute_request("raise", stop_on_error=False)
        doubled = sidecar.execute_request("twice 21")
        assert (await doubled).text.rstrip() == "42"
        with pytest.raises(ValueError, match="of the hook"):
            await raised
        result = await refused
        assert (result.status, error_of(result).evalue) == ("error", "cell c1 has a secret")
        assert result.outputs[0]["output_type"] == "error"
        assert not refused.is_sent
        cancelled = sidecar.execute_request("1")
        await asyncio.sleep(0)
        cancelled.cancel()
        assert (await sidecar.execute_request("3")).text.rstrip() == "3"
    assert noted == [("2 * 21", "ok"), ("3", "ok")]


async def test_messages_of_others_come_to_the_hooks(km: ConKernelManager) -> None:
    """Of another client's requests; not of the client's own ones."""

    class Notes(Sidecar):
        def handle_untracked(self, message: models.Message) -> None:
            heard.append(message.msg_type)

    heard: list[str] = []
    async with Notes(km) as sidecar, client_of(km) as other:
        await sidecar.execute_request("1")
        await sidecar.client.execute("2", reply=True)
        heard.clear()  # the other one's greeting
        await other.execute("3", reply=True)
        await until(lambda: heard.count("status") == 2)
    assert heard == ["status", "execute_input", "execute_result", "status"]
