"""
How does a tool call of a client become a call of a kernel's session, and its result an answer?

Every call gets an answer. It is an error of the tool where the arguments do not fit, where there is
no kernel, and where it ended; an exception in the code is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from conkernelclient.errors import ConKernelError, ExecutionError, ProtocolError, SessionError

from .. import words
from ..schema import Misfit, fitting
from ..tools import find_call
from .answers import plain, refused, run_answer
from .kernels import DEFAULT
from .menu import tools_of
from .progress import Progress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from mcp_types import CallToolResult

    from ..schema import Tools
    from .kernels import Handle, Kernels, Settings
    from .progress import Report

    Handler: TypeAlias = Callable[
        [Settings, Kernels, Mapping[str, Any], Progress], Awaitable[CallToolResult]
    ]

__all__ = ["Handlers"]

MOST_VARIABLES: Final = 500
NO_ANSWER: Final = "the kernel gave no answer; restart it, or try again"


class Handlers:
    """
    The tools of a server.

    Args:
        settings: How code is run.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tools: Tools = tools_of(settings)

    async def call(
        self, kernels: Kernels, name: str, arguments: object, report: Report
    ) -> CallToolResult:
        """
        Do what a tool call asks for, and give its answer.

        Args:
            kernels: Of the client.
            name: The tool's.
            arguments: As the client gave them.
            report: Tells the client how it goes; see `Progress`.

        Cancelling interrupts the run that it waits for, and no other.
        """
        try:
            given = fitting(name, arguments, self._tools)
            async with Progress(report) as progress:
                return await HANDLERS[name](self._settings, kernels, given, progress)
        except (Misfit, SessionError) as error:
            return refused(str(error))
        except ExecutionError as error:  # of a question to the kernel, such as for no variable
            return refused(f"{error.ename}: {error.evalue}")
        except ProtocolError as error:  # what is asked for cannot be asked
            return refused(str(error))
        except ConKernelError:
            return refused(NO_ANSWER)


async def _run(
    settings: Settings, kernels: Kernels, given: Mapping[str, Any], progress: Progress
) -> CallToolResult:
    name = _name(given)
    async with kernels.using(name) as handle:
        session = handle.session
        if given.get("background"):
            call = session.start(given["code"], timeout=given.get("timeout"))
            return await run_answer(handle, call.news(), news=kernels.take_news(name))
        result = await session.run(
            given["code"],
            timeout=given.get("timeout", settings.timeout),
            on_timeout="detach",
            on_output=progress.note,
        )
        return await run_answer(handle, result, news=kernels.take_news(name))


async def _poll(
    _settings: Settings, kernels: Kernels, given: Mapping[str, Any], progress: Progress
) -> CallToolResult:
    async with _there(kernels, given) as handle:
        call = find_call(handle.session, given["run_id"])
        call.on_output = progress.note
        result = await call.poll(given.get("wait", 0))
        return await run_answer(handle, result, nothing=words.HAS_ENDED.format(call.id))


async def _interrupt(
    _settings: Settings, kernels: Kernels, given: Mapping[str, Any], _progress: Progress
) -> CallToolResult:
    handle = kernels.find(_name(given))
    if handle is None and "run_id" not in given:
        return _interrupted(_name(given), None, "nothing runs")
    async with _there(kernels, given) as handle:
        session = handle.session
        call = find_call(session, given["run_id"]) if "run_id" in given else session.current
        if call is None:
            return _interrupted(handle.name, None, "nothing runs")
        if call.is_done:
            return _interrupted(handle.name, call.id, f"{call.id} has ended already")
        if await session.interrupt(call.id):
            return _interrupted(handle.name, call.id, f"{call.id} was interrupted")
        return refused(
            f"{call.id} swallowed the interrupt and goes on; restart ends it, and all variables"
        )


def _interrupted(kernel: str, run_id: str | None, text: str) -> CallToolResult:
    return plain(text, {"kernel": kernel, "run_id": run_id, "has_ended": True})


async def _restart(
    _settings: Settings, kernels: Kernels, given: Mapping[str, Any], _progress: Progress
) -> CallToolResult:
    name = _name(given)
    is_known = kernels.find(name) is not None
    async with kernels.using(name) as handle:
        if is_known:  # one that has just been started is fresh
            await handle.session.restart()
        kernels.take_news(name)
        text = "a fresh kernel is there; all variables of before are gone"
        return plain(text, {"kernel": name, "restarted": True})


async def _variables(
    settings: Settings, kernels: Kernels, given: Mapping[str, Any], _progress: Progress
) -> CallToolResult:
    name = _name(given)
    async with kernels.using(name) as handle:
        known = await handle.session.variables()
    kept = dict(list(known.items())[:MOST_VARIABLES])
    lines = [f"{variable}: {kind}" for variable, kind in known.items()]
    text = "\n".join(lines) or "there are no variables"
    news = kernels.take_news(name)
    facts = {"kernel": name, "variables": kept, "left_out": len(known) - len(kept)}
    return plain(f"{text}\n[{news}]" if news else text, facts, settings.max_chars)


async def _inspect(
    settings: Settings, kernels: Kernels, given: Mapping[str, Any], _progress: Progress
) -> CallToolResult:
    most = 2000 if settings.max_chars is None else max(100, min(2000, settings.max_chars))
    async with kernels.using(_name(given)) as handle:
        found = await handle.session.inspect_variable(given["name"], max_chars=most)
    text = str(found)
    facts = {"kernel": handle.name, "name": found.name, "type": found.type, "text": text}
    return plain(text, facts)


async def _start(
    _settings: Settings, kernels: Kernels, given: Mapping[str, Any], _progress: Progress
) -> CallToolResult:
    name = _name(given)
    is_known = kernels.find(name) is not None
    async with kernels.using(name, given.get("kernelspec")) as handle:
        kernels.take_news(name)
        how = "is there already" if is_known else "is there now"
        text = f"the kernel {name!r} ({handle.kernel_name}) {how}"
        return plain(text, {"kernel": name, "kernelspec": handle.kernel_name})


async def _shutdown(
    _settings: Settings, kernels: Kernels, given: Mapping[str, Any], _progress: Progress
) -> CallToolResult:
    name = _name(given)
    was_there = await kernels.shut(name)
    text = f"the kernel {name!r} is ended" if was_there else f"there is no kernel {name!r}"
    return plain(text, {"kernel": name, "was_there": was_there})


async def _kernels(
    settings: Settings, kernels: Kernels, _given: Mapping[str, Any], _progress: Progress
) -> CallToolResult:
    lines: list[str] = []
    known: list[dict[str, str | None]] = []
    for name, handle in kernels.handles.items():
        call = handle.session.current
        runs = None if call is None else call.name
        lines.append(f"{name}: {handle.kernel_name}, {'idle' if runs is None else f'runs {runs}'}")
        known.append({"kernel": name, "kernelspec": handle.kernel_name, "runs": runs})
    specs = _specs()
    lines = lines or ["there are no kernels yet: each is started when its name is first used"]
    text = "\n".join([*lines, f"can be started: {', '.join(specs)}"])
    return plain(text, {"kernels": known, "kernelspecs": specs}, settings.max_chars)


def _specs() -> list[str]:
    from jupyter_client.kernelspec import KernelSpecManager

    manager: Any = KernelSpecManager()  # jupyter_client gives its methods no types
    return sorted(manager.find_kernel_specs())


HANDLERS: Final[Mapping[str, Handler]] = {
    "run": _run,
    "poll": _poll,
    "interrupt": _interrupt,
    "restart": _restart,
    "variables": _variables,
    "inspect": _inspect,
    "start": _start,
    "shutdown": _shutdown,
    "kernels": _kernels,
}


def _name(given: Mapping[str, Any]) -> str:
    return given.get("kernel", DEFAULT)


def _there(kernels: Kernels, given: Mapping[str, Any]) -> AbstractAsyncContextManager[Handle]:
    """Use a kernel that is there; a run is found in no other."""
    name = _name(given)
    if name not in kernels.handles:
        known = ", ".join(kernels.handles) or "none yet"
        raise Misfit(f"there is no kernel {name!r}; there are: {known}")
    return kernels.using(name)
