"""
How do Python values get into the kernel and out of it?

As literals: what `repr` writes and `ast.literal_eval` reads (numbers, strings, bytes, tuples,
lists, dicts, sets, booleans, None, and these in each other). Nothing that comes from the kernel is
executed here. For Python kernels.
"""

from __future__ import annotations

import ast
import keyword
from typing import TYPE_CHECKING, Any, Final

from ..errors import ExecutionError, ProtocolError
from .requests import require_text

if TYPE_CHECKING:
    from .verbs import Verbs as _Base
else:
    # A client inherits from Verbs as well. With it as the base here, traitlets would look
    # through all of a client's traits once more when this is imported.
    _Base = object

__all__ = ["Values"]

VARIABLES: Final = (
    "{name: type(value).__name__ for name, value in globals().items() if name[:1] != '_'"
    " and name not in getattr(globals().get('get_ipython', lambda: None)(), 'user_ns_hidden', ())}"
)


class Values(_Base):
    """The helpers of a client that promise a value; see `ConKernelClient`."""

    async def eval(
        self, expression: str, *, timeout: float | None = None, subshell_id: str | None = None
    ) -> Any:
        """
        Evaluate a Python expression in the kernel, and give its value.

        Args:
            expression: One expression, without await.
            timeout: Seconds from its turn; then it is interrupted. None: any time.
            subshell_id: The subshell to evaluate in; None: the main shell.

        Returns:
            The value, made anew from its literal.

        Raises:
            ExecutionError: It raised.
            ProtocolError: The value cannot be written as a literal; use `run` and look at the
                outputs.
            ConKernelError: It timed out.

        Cancelling interrupts it.
        """
        require_text("expression", expression)
        if not require_text("expression", expression).strip():
            raise ProtocolError("expression is empty: there is no value to give")
        run = self.run(
            "",
            silent=True,
            store_history=False,
            user_expressions={"value": f"repr((\n{expression}\n))"},
            timeout=timeout,
            subshell_id=subshell_id,
        )
        result = (await run).raise_for_status()
        answer: dict[str, Any] = {}
        if result.reply is not None:
            answer = result.reply["content"].get("user_expressions", {}).get("value", {})
        if answer.get("status") != "ok":
            raise ExecutionError(
                str(answer.get("ename", "ProtocolError")),
                str(answer.get("evalue", "the kernel evaluated nothing")),
                answer.get("traceback") or (),
                msg_id=result.msg_id,
            )
        text = ast.literal_eval(answer["data"]["text/plain"])
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError) as error:
            raise ProtocolError(
                f"the value of {expression!r} is no literal: {text[:200]}", msg_id=result.msg_id
            ) from error

    async def get(self, name: str, *, timeout: float | None = None) -> Any:
        """
        Give the value of the variable `name`.

        Raises:
            ProtocolError: It is no name of a variable. The others are those of `eval`.
        """
        require_name(name)
        return await self.eval(name, timeout=timeout)

    async def set(self, *, timeout: float | None = None, **values: Any) -> None:
        """
        Set variables in the kernel: `await kc.set(x=1, y=[2, 3])`.

        Raises:
            ProtocolError: A name is none, or a value cannot be written as a literal; nothing was
                set.
        """
        lines: list[str] = []
        for name, value in values.items():
            require_name(name)
            text = repr(value)
            try:
                is_same = ast.literal_eval(text) == value
            except (ValueError, SyntaxError):
                is_same = False
            if not is_same:
                raise ProtocolError(
                    f"{name}={text[:200]} is no literal: send numbers, strings, bytes, lists, "
                    "tuples, dicts, sets"
                )
            lines.append(f"{name} = {text}")
        run = self.run("\n".join(lines), silent=True, store_history=False, timeout=timeout)
        (await run).raise_for_status()

    async def variables(self, *, timeout: float | None = None) -> dict[str, str]:
        """Give the user's variables: their names, and the names of their types."""
        return await self.eval(VARIABLES, timeout=timeout)


def require_name(name: object) -> None:
    """Raise ProtocolError unless `name` can be a variable's."""
    if not (isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)):
        raise ProtocolError(f"{name!r} is no name of a variable")
