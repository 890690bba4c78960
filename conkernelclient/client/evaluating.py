"""
How does a client let its kernel evaluate an expression of ours, beside what that runs?

As a silent request without code, whose reply has the expression's value. In a kernel with subshells
all those of one client take turns in a hidden one, which `places` makes at the first use and
deletes with the channels; one that does not answer in time, or whose caller is gone, is left to its
work, and another one is made for those after it. What is large goes through memory that both sides
have open, if they are processes of one machine.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from ..errors import ExecutionError, ProtocolError
from .beside import limited, metadata_of
from .checks import require_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from ..outputs.result import Result
    from ..values.remote import Brought
    from ..values.sharing import Lent
    from .base import ClientBase
    from .beside import Beside, Mode

__all__ = ["How", "bring", "evaluate", "lending"]

MOST_LENT: Final = 8  # pieces of memory that a client lends at once; each is a file descriptor
lent_out: Final[set[Any]] = set()


class How(NamedTuple):
    """
    How a value is asked for.

    Attributes:
        timeout: Seconds from its turn; then it is interrupted, or its subshell left. None: any.
        subshell_id: The subshell to ask in; None: see `mode`.
        mode: How it runs; None: beside all runs.
    """

    timeout: float | None = None
    subshell_id: str | None = None
    mode: Mode | None = None


async def evaluate(
    client: ClientBase,
    expression: str,
    asked: str,
    how: How,
    *,
    msg_id: str | None = None,
    buffers: Sequence[bytes] | None = None,
    lent: Lent | None = None,
    may_unpickle: bool = False,
) -> Any:
    """
    Let the kernel evaluate `expression`, of one of our functions, and read its answer.

    Args:
        client: The kernel's.
        expression: What `values.calling` gives.
        asked: What the caller asked for, for errors.
        how: Where, and how long.
        msg_id: The request's id; None: a fresh one.
        buffers: Go with it.
        lent: Memory for the value.
        may_unpickle: A pickle was asked for, which is executed.

    Returns:
        The value, or `LACKS` of `values.calling`.

    Cancelling interrupts it, and nothing else; in a subshell it goes on for nobody.
    """
    from ..values.calling import key_of_texts, teaching

    places = client._places
    first: dict[str, str] = {} if places.is_taught else {"teach": teaching()}
    expressions = {**first, "value": expression}  # in this order, which is that of their names too
    content = client._execute_content("", True, False, expressions, False, False, "code")
    options, metadata = _place(client, how)
    run = client._start_run(content, options, msg_id, how.subshell_id, metadata, buffers)
    try:
        value = _value(await run, asked, lent, may_unpickle)
    except ExecutionError as error:
        places.is_taught = False
        if first or key_of_texts() not in error.evalue:
            raise
    else:
        places.is_taught = True
        return value
    # The kernel has forgotten, or is another one; nothing of the expression was evaluated.
    named: dict[str, Any] = {"lent": lent, "may_unpickle": may_unpickle}
    return await evaluate(client, expression, asked, how, msg_id=None, buffers=buffers, **named)


def _place(client: ClientBase, how: How) -> tuple[Any, Any]:
    """Give the options and the metadata of a run for a value."""
    from .guest import RunGuest
    from .run import PLAIN

    is_aside = how.mode is None and how.subshell_id is None
    mode: Mode = "thread" if is_aside else how.mode or "queue"
    beside: Beside = {"mode": mode}
    metadata: Any = metadata_of(None, beside)
    options = PLAIN._replace(timeout=require_seconds("timeout", how.timeout))
    if options.timeout is not None:
        metadata = limited(metadata, options.timeout, client._features)
    if not is_aside:
        return options._replace(**client._beside(beside)), metadata
    guest = partial(RunGuest, places=client._places, mode=mode, after=(), is_aside=True)
    return options._replace(make=guest), metadata


async def bring(
    client: ClientBase,
    make_expression: Callable[[Brought], str],
    content: Any,
    asked: str,
    how: How,
    lent: Lent | None = None,
) -> Any:
    """
    Let the kernel evaluate an expression that takes `content`, and read its answer.

    What is large goes through memory, if the kernel can open it; the rest in buffers of the
    request; in a text, if the kernel keeps none.

    Raises `Unsendable` of `values.codec`, before anything was sent.
    """
    from ..values.calling import LACKS
    from ..values.codec import dump
    from ..values.sharing import LEAST_SHARED

    parts: list[Any] = []
    parts.insert(0, dump(content, parts).encode())
    if sum(map(len, parts)) >= LEAST_SHARED:
        with lending() as memory:
            sizes = _laid_down(memory, parts)
            if memory is not None and sizes is not None:
                expression = make_expression(("", None, (memory.address, sizes)))
                value = await evaluate(client, expression, asked, how, lent=lent)
                if value is not LACKS:
                    return value
    msg_id = uuid.uuid4().hex
    # Of its own: an array may change before it is signed and sent.
    buffers = [bytes(part) for part in parts]
    expression = make_expression((msg_id, None, None))
    named: dict[str, Any] = {"msg_id": msg_id, "buffers": buffers, "lent": lent}
    value = await evaluate(client, expression, asked, how, **named)
    if value is LACKS:
        expression = make_expression(("", dump(content), None))
        value = await evaluate(client, expression, asked, how, lent=lent)
    return value


@contextmanager
def lending() -> Generator[Lent | None]:
    """Lend memory for a value; None where there is none, or enough is lent."""
    from ..values.sharing import lend

    memory = lend() if len(lent_out) < MOST_LENT else None
    if memory is None:
        yield None
        return
    lent_out.add(memory)
    try:
        yield memory
    finally:
        lent_out.discard(memory)
        memory.close()


def _laid_down(memory: Lent | None, parts: Sequence[Any]) -> list[int] | None:
    from ..values.sharing import put

    if memory is None:
        return None
    try:
        return put(memory.fd, parts)
    except OSError:  # no memory is left
        return None


def _value(result: Result, asked: str, lent: Lent | None, may_unpickle: bool) -> Any:
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
    from ..values.calling import LACKS, value_in
    from ..values.codec import Lacking

    try:
        is_there, value = value_in(answer["data"], lent, may_unpickle=may_unpickle)
    except Lacking as error:
        told = error.told("here, in the client's Python")
        raise ProtocolError(f"{asked[:200]}: {told}", msg_id=result.msg_id) from error
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(
            f"the kernel gave no value for {asked[:200]!r}, is it a Python kernel? {error}",
            msg_id=result.msg_id,
        ) from error
    if not is_there and value is not LACKS:
        raise ProtocolError(f"{asked[:200]}: {value}", msg_id=result.msg_id)
    return value
