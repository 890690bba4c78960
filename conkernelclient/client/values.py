"""
How do Python values get into the kernel and out of it?

As text that `values.codec` writes and reads, on both sides, with the memory of arrays and tables
beside it. Nothing that comes from the kernel is executed here, unless a pickle is asked for. For
Python kernels.
"""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any, Final, cast

from ..errors import ProtocolError, ReplyTimeout
from .base import ClientBase
from .checks import require_text

if TYPE_CHECKING:
    from ..values.variable import Variable
    from .beside import Mode

__all__ = ["Values"]

LOOKS_FOR: Final = 5.0  # seconds that the look at a variable's content may take


class Values(ClientBase):
    """
    The helpers of a client that promise a value; see `ConKernelClient`.

    They are answered beside the runs: in a kernel with subshells, such as ipykernel 7, in a hidden
    one of this client, in the kernel `conkernel` in threads, in others in their turn. So what was
    awaited before is seen, a `set` by the run after it as well; beside a run that is under way
    a value is as that run has left it so far. `mode="queue"` asks in the main shell instead, in
    its turn, after the runs before it.
    """

    async def eval(
        self,
        expression: str,
        *,
        timeout: float | None = None,
        subshell_id: str | None = None,
        mode: Mode | None = None,
        pickle: bool = False,
    ) -> Any:
        """
        Evaluate a Python expression in the kernel, and give its value.

        These types travel, exactly, here and with `get`, `set` and `call`: None, bool, int, float
        (NaN, infinities and -0.0 as well), complex, str (lone surrogates as well), bytes, list,
        tuple, dict, set, frozenset, range, Ellipsis; the datetime module's date, time, datetime and
        timedelta, with no timezone, a `datetime.timezone` or a `zoneinfo.ZoneInfo` of a name;
        pathlib's paths; numpy's arrays; the data frames, series, indexes, timestamps and missing
        values of pandas, the frames and series of polars, the tables, batches and arrays of
        pyarrow, if the library is installed on both sides. They may hold each other, 200 levels
        deep. Numpy's scalars come as their Python values. An instance of a subclass comes as its
        plain base; a subclass with a repr of its own (an enum, a named tuple, a defaultdict) does
        not travel, and no other type does.

        Args:
            expression: One expression, without await.
            timeout: Seconds from its turn; then it is interrupted, or in a subshell, which no
                interrupt reaches, left to its work. None: any time.
            subshell_id: The subshell to evaluate in; None: see `mode`.
            mode: How it runs, as with `run`; None: beside the runs, as the class says.
            pickle: Let the kernel pickle the value, whatever it is. Reading a pickle executes
                what the kernel sends, in this process: only for a kernel that you trust with that.

        Returns:
            The value, made anew. Unless `pickle` is set, nothing that the kernel sends is executed
            here.

        Raises:
            ExecutionError: It raised.
            ProtocolError: The value cannot travel (convert it in the expression, or use `run` and
                look at the outputs); a library that it needs is missing or too old; or the kernel's
                answer is none: is it a Python kernel?
            ConKernelError: It timed out, or the kernel is gone.

        Cancelling interrupts it, and nothing else.
        """
        if not require_text("expression", expression).strip():
            raise ProtocolError("expression is empty: there is no value to give")
        # With the first value: importing us should be quick.
        from ..values.calling import answering
        from .evaluating import How, evaluate, lending

        how = How(timeout, subshell_id, mode)
        with lending() as lent:
            call = answering(expression, lent, is_pickled=bool(pickle))
            return await evaluate(self, call, expression, how, lent=lent, may_unpickle=bool(pickle))

    async def get(
        self,
        name: str,
        *,
        timeout: float | None = None,
        subshell_id: str | None = None,
        mode: Mode | None = None,
        pickle: bool = False,
    ) -> Any:
        """
        Give the value of the variable `name`, of one of the types that `eval` lists.

        Args:
            name: The variable's name.
            timeout: As with `eval`, and so are the others.
            subshell_id: The subshell to ask in.
            mode: How it runs.
            pickle: Let the kernel pickle it, which is executed here.

        Returns:
            The value, made anew.

        Raises:
            ProtocolError: It is no name of a variable. The others are those of `eval`.

        Cancelling interrupts it, and nothing else.
        """
        require_name(name)
        where: dict[str, Any] = {"subshell_id": subshell_id, "mode": mode}
        return await self.eval(name, timeout=timeout, pickle=pickle, **where)

    async def set(
        self, *, timeout: float | None = None, subshell_id: str | None = None, **values: Any
    ) -> None:
        """
        Set variables in the kernel: `await kc.set(x=1, y=[2, 3])`.

        Args:
            timeout: As with `eval`.
            subshell_id: As with `eval`.
            values: The variables' values, of the types that `eval` lists.

        Raises:
            ProtocolError: A name is none, or a value cannot travel: nothing was set. Or the kernel
                could not read one of them (such as a timezone or a library that it does not have).
            ConKernelError: It timed out, or the kernel is gone.

        All of them are set at once, or none. Cancelling interrupts it, and nothing else.
        """
        from ..values.calling import storing
        from ..values.codec import Unsendable
        from .evaluating import How, bring

        for name in values:
            require_name(name)
        try:
            is_set = await bring(self, storing, values, "set", How(timeout, subshell_id))
        except Unsendable as error:
            raise ProtocolError(f"nothing was set: {error}") from error
        if is_set is not True:
            raise ProtocolError("the kernel did not say that it set the variables")

    async def call(
        self,
        function: str,
        /,
        *args: Any,
        timeout: float | None = None,
        subshell_id: str | None = None,
        **named: Any,
    ) -> Any:
        """
        Call a function of the kernel: `await kc.call("module.f", 1, key=[2])`.

        The function runs in another thread than the cells, where the kernel can do that. A
        coroutine function is called and its coroutine run to the end, in an event loop of its own:
        what belongs to the loop of the cells, such as an open connection, is not for it.

        Args:
            function: Its name, as code would write it: dotted, if it is an attribute.
            args: Its arguments, of the types that `eval` lists.
            timeout: As with `eval`; it is none of the function's arguments.
            subshell_id: As with `eval`; it is none of the function's arguments.
            named: Its named arguments.

        Returns:
            What it returns, of the types that `eval` lists.

        Raises:
            ExecutionError: It raised, or there is no such function.
            ProtocolError: It is no dotted name, an argument cannot travel, and nothing was called;
                or what it returned cannot travel. The others are those of `eval`.

        Cancelling interrupts it, and nothing else.
        """
        from functools import partial

        from ..values.calling import calling
        from ..values.codec import Unsendable
        from .evaluating import How, bring, lending

        require_dotted(function)
        how = How(timeout, subshell_id)
        with lending() as lent:
            make = partial(calling, function, lent=lent)
            try:
                return await bring(self, make, ([*args], named), f"{function}()", how, lent)
            except Unsendable as error:
                raise ProtocolError(f"{function} was not called: {error}") from error

    async def variables(
        self,
        *,
        timeout: float | None = None,
        subshell_id: str | None = None,
        mode: Mode | None = None,
    ) -> dict[str, str]:
        """
        Give the user's variables: their names, and the names of their types.

        No code of the variables' own runs for it. Names that begin with "_" and what IPython itself
        puts there are left out. The arguments are those of `eval`.

        Raises:
            ProtocolError: The kernel's answer is none: is it a Python kernel?
            ConKernelError: It timed out, or the kernel is gone.

        Cancelling interrupts it, and nothing else.
        """
        from ..values.calling import listing
        from .evaluating import How, evaluate

        known = await evaluate(self, listing(), "variables", How(timeout, subshell_id, mode))
        if not isinstance(known, dict):
            raise ProtocolError("the kernel gave no variables")
        return cast("dict[str, str]", known)

    async def inspect_variable(
        self,
        name: str,
        *,
        max_chars: int = 2000,
        timeout: float | None = LOOKS_FOR,
        subshell_id: str | None = None,
        mode: Mode | None = None,
    ) -> Variable:
        """
        Tell what a variable is, without fetching it.

        Args:
            name: Its name; dotted, if it is an attribute.
            max_chars: The longest that the text of it may be, `str()` of what is returned; at least
                100.
            timeout: Seconds that the look at its content may take, which runs code of its own, such
                as its repr; after that it is told without one, for which there is as much time
                again. None: any time.
            subshell_id: As with `eval`.
            mode: As with `eval`.

        Returns:
            A `Variable`: type, size in bytes, length, shape, dtype, columns, and the first rows or
            the repr. A repr that raises, or takes too long, is told in one line.

        Raises:
            ProtocolError: It is no dotted name. The others are those of `eval`.

        Cancelling interrupts it, and nothing else.
        """
        from dataclasses import replace

        from ..values.calling import inspecting_
        from ..values.variable import LEAST_CHARS, variable_of
        from .evaluating import How, evaluate

        require_dotted(name)
        if type(max_chars) is not int or max_chars < LEAST_CHARS:
            raise ProtocolError(f"max_chars {max_chars!r} must be a number, at least {LEAST_CHARS}")
        how, late = How(timeout, subshell_id, mode), None
        try:
            told = await evaluate(self, inspecting_(name, max_chars, with_text=True), name, how)
        except ReplyTimeout:
            late = f"the look at its content took longer than {timeout:g} s"
            told = await evaluate(self, inspecting_(name, max_chars, with_text=False), name, how)
        try:
            variable = variable_of(name, told, max_chars)
        except (TypeError, ValueError) as error:
            raise ProtocolError(f"the kernel does not say what {name} is: {error}") from error
        return variable if late is None else replace(variable, error=late)


def require_name(name: object) -> None:
    """Raise ProtocolError unless `name` can be a variable's."""
    if not is_name(name):
        raise ProtocolError(f"{name!r} is no name of a variable")


def require_dotted(name: object) -> None:
    """Raise ProtocolError unless `name` can be a variable's, or an attribute's of one."""
    if not (isinstance(name, str) and all(map(is_name, name.split(".")))):
        raise ProtocolError(f"{name!r} is no name of a variable, or of an attribute of one")


def is_name(name: object) -> bool:
    """Whether `name` can be a variable's."""
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)
