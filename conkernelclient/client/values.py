"""
How do Python values get into the kernel and out of it?

As text that `values.codec` writes and reads, on both sides. Values travel to the kernel in a buffer
beside the request, so nothing of their size is compiled; they come in the reply. Nothing that comes
from the kernel is executed here. For Python kernels.
"""

from __future__ import annotations

import keyword
import uuid
from typing import TYPE_CHECKING, Any, cast

from ..errors import ExecutionError, ProtocolError
from .base import ClientBase
from .checks import require_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..outputs.result import Result

__all__ = ["Values"]


class Values(ClientBase):
    """The helpers of a client that promise a value; see `ConKernelClient`."""

    async def eval(
        self, expression: str, *, timeout: float | None = None, subshell_id: str | None = None
    ) -> Any:
        """
        Evaluate a Python expression in the kernel, and give its value.

        These types travel, exactly, here and with `get` and `set`: None, bool, int, float (NaN,
        infinities and -0.0 as well), complex, str (lone surrogates as well), bytes, list, tuple,
        dict, set, frozenset, range, Ellipsis; the datetime module's date, time, datetime and
        timedelta, with no timezone, a `datetime.timezone` or a `zoneinfo.ZoneInfo` of a name; and
        pathlib's paths. They may hold each other, 200 levels deep. Numpy's scalars come as their
        Python values. An instance of a subclass comes as its plain base; a subclass with a repr of
        its own (an enum, a named tuple, a defaultdict) does not travel, and no other type does.

        Args:
            expression: One expression, without await.
            timeout: Seconds from its turn; then it is interrupted. None: any time.
            subshell_id: The subshell to evaluate in; None: the main shell.

        Returns:
            The value, made anew; nothing that the kernel sends is executed here.

        Raises:
            ExecutionError: It raised.
            ProtocolError: The value cannot travel (convert it in the expression, or use `run` and
                look at the outputs); or the kernel's answer is none: is it a Python kernel?
            ConKernelError: It timed out, or the kernel is gone.

        Cancelling interrupts it.
        """
        if not require_text("expression", expression).strip():
            raise ProtocolError("expression is empty: there is no value to give")
        # With the first value: importing us should be quick.
        from ..values.calling import answering

        call = answering(expression)
        return await self._call(call, expression, timeout=timeout, subshell_id=subshell_id)

    async def get(self, name: str, *, timeout: float | None = None) -> Any:
        """
        Give the value of the variable `name`, of one of the types that `eval` lists.

        Args:
            name: The variable's name.
            timeout: As with `eval`.

        Returns:
            The value, made anew.

        Raises:
            ProtocolError: It is no name of a variable. The others are those of `eval`.

        Cancelling interrupts it.
        """
        require_name(name)
        return await self.eval(name, timeout=timeout)

    async def set(self, *, timeout: float | None = None, **values: Any) -> None:
        """
        Set variables in the kernel: `await kc.set(x=1, y=[2, 3])`.

        Args:
            timeout: As with `eval`.
            values: The variables' values, of the types that `eval` lists.

        Raises:
            ProtocolError: A name is none, or a value cannot travel: nothing was set. Or the kernel
                could not read one of them (such as a timezone that it does not know).
            ConKernelError: It timed out, or the kernel is gone.

        All of them are set at once, or none. Cancelling interrupts it.
        """
        from ..values.calling import storing
        from ..values.codec import Unsendable, dump

        for name in values:
            require_name(name)
        parts: list[bytes] = []
        try:
            text = dump(values, parts)
        except Unsendable as error:
            raise ProtocolError(f"nothing was set: {error}") from error
        msg_id = uuid.uuid4().hex
        buffers = [text.encode(), *parts]
        is_set = await self._call(
            storing(msg_id), "set", timeout=timeout, msg_id=msg_id, buffers=buffers
        )
        if is_set is True:
            return
        # The kernel keeps no buffers: the text goes as one string literal.
        call = storing(msg_id, dump(values))
        if await self._call(call, "set", timeout=timeout) is not True:
            raise ProtocolError("the kernel did not say that it set the variables")

    async def variables(self, *, timeout: float | None = None) -> dict[str, str]:
        """
        Give the user's variables: their names, and the names of their types.

        No code of the variables' own runs for it. Names that begin with "_" and what IPython itself
        puts there are left out.

        Raises:
            ProtocolError: The kernel's answer is none: is it a Python kernel?
            ConKernelError: It timed out, or the kernel is gone.

        Cancelling interrupts it.
        """
        from ..values.calling import listing

        known = await self._call(listing(), "variables", timeout=timeout)
        if not isinstance(known, dict):
            raise ProtocolError("the kernel gave no variables")
        return cast("dict[str, str]", known)

    async def _call(
        self,
        call: str,
        asked: str,
        *,
        timeout: float | None,
        subshell_id: str | None = None,
        msg_id: str | None = None,
        buffers: Sequence[bytes] | None = None,
    ) -> Any:
        """Let the kernel evaluate `call`, of one of our functions, and read its answer."""
        run = self.run(
            "",
            silent=True,
            store_history=False,
            user_expressions={"value": call},
            timeout=timeout,
            subshell_id=subshell_id,
            msg_id=msg_id,
            buffers=buffers,
        )
        return _value(await run, asked)


def _value(result: Result, asked: str) -> Any:
    """Read the value that `result` brings; raise what its kernel says instead."""
    result.raise_for_status()
    content: Any = result.reply["content"] if result.reply is not None else {}
    try:
        answer: dict[str, Any] = content["user_expressions"]["value"]
        status = answer["status"]
    except (KeyError, TypeError, IndexError):
        raise ProtocolError(
            f"the kernel evaluated nothing for {asked[:200]!r}", msg_id=result.msg_id
        ) from None
    if status == "error":
        lines: Any = answer.get("traceback")
        raise ExecutionError(
            str(answer.get("ename", "Error")),
            str(answer.get("evalue", "")),
            [str(line) for line in cast("list[object]", lines)] if isinstance(lines, list) else (),
            msg_id=result.msg_id,
        )
    from ..values.calling import value_in

    try:
        is_there, value = value_in(answer["data"])
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(
            f"the kernel gave no value for {asked[:200]!r}, is it a Python kernel? {error}",
            msg_id=result.msg_id,
        ) from error
    if not is_there:
        raise ProtocolError(f"{asked[:200]}: {value}", msg_id=result.msg_id)
    return value


def require_name(name: object) -> None:
    """Raise ProtocolError unless `name` can be a variable's."""
    if not (isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)):
        raise ProtocolError(f"{name!r} is no name of a variable")
