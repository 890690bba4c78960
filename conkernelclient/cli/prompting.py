"""
How does a person type cells in a terminal?

With prompt_toolkit, which IPython brings: several lines, history, and completion by the kernel. It
has a thread of its own, and waits in it for the kernel's answer to a key: what is typed meanwhile
keeps its order. The client goes on in its loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.shortcuts import CompleteStyle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

    from prompt_toolkit.document import Document
    from prompt_toolkit.lexers import Lexer

    from conkernelclient.events import InputRequest

    from .helping import Helper

__all__ = ["Terminal"]

T = TypeVar("T")

INDENT: Final = "    "
END_OF_FILE: Final = "\x04"  # what kernels raise EOFError for


class Terminal:
    """
    A person at a terminal.

    Args:
        helper: Asks the kernel.
        history: Cells of before, the oldest first.
        language: What pygments calls the kernel's language; None: it is not coloured.
        interrupt: Is called when Ctrl-C is typed as an answer.
    """

    def __init__(
        self,
        helper: Helper,
        history: Sequence[str],
        language: str | None,
        interrupt: Callable[[], None],
    ) -> None:
        self._helper = helper
        self._loop = asyncio.get_running_loop()
        self._interrupt = interrupt
        self._asked: PromptSession[str] | None = None  # while something is being typed
        self._matches: list[Completion] = []  # for what was typed before the last tab
        self._cells: PromptSession[str] = PromptSession(
            history=InMemoryHistory(list(history)),
            multiline=True,
            key_bindings=self._keys(),
            lexer=_lexer(language),
            completer=_KernelCompleter(self),
            complete_while_typing=False,
            complete_style=CompleteStyle.MULTI_COLUMN,
            prompt_continuation=_continuation,
        )

    @property
    def is_terminal(self) -> bool:
        """A person sees what goes on."""
        return True

    async def cell(self, number: int | None, draft: str = "") -> str | None:
        """
        Have a cell typed; None for Ctrl-D. Ctrl-C begins it anew.

        Args:
            number: Of the cell, in the kernel; None if it is not known.
            draft: What stands there to begin with.
        """
        shown = f"In [{' ' if number is None else number}]: "
        while True:
            try:
                return await self._typed(self._cells, shown, default=draft)
            except KeyboardInterrupt:
                draft = ""
            except EOFError:
                return None

    async def answer(self, question: InputRequest) -> str | None:
        """Have an answer typed. Ctrl-D ends the code's input; Ctrl-C interrupts the cell."""
        session: PromptSession[str] = PromptSession()
        try:
            return await self._typed(session, question.prompt, is_password=question.password)
        except EOFError:
            return END_OF_FILE
        except KeyboardInterrupt:
            self._interrupt()
            return None

    async def _typed(self, session: PromptSession[str], shown: str, **options: Any) -> str:
        def prompt() -> str | BaseException:
            with patch_stdout(raw=True):  # what comes late stands above what is typed
                try:
                    return session.prompt(shown, **options)
                except (EOFError, KeyboardInterrupt) as error:
                    return error

        thread = asyncio.ensure_future(asyncio.to_thread(prompt))
        self._asked = session
        try:
            typed = await asyncio.shield(thread)
        except asyncio.CancelledError:  # nobody waits for the answer any more
            app = session.app
            if app.loop is not None and app.is_running:
                app.loop.call_soon_threadsafe(_leave, app)
            await asyncio.wait([thread])
            raise
        finally:
            self._asked = None
        if isinstance(typed, BaseException):
            raise typed
        return typed

    @property
    def is_asking(self) -> bool:
        """Whether a key would be read now."""
        return self._asked is not None and self._asked.app.is_running

    def _ask(self, question: Coroutine[Any, Any, T]) -> T:
        """Wait, in the prompt's thread, for an answer that comes in the client's loop."""
        return asyncio.run_coroutine_threadsafe(question, self._loop).result()

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter")
        def _enter(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            if buffer.document.text_after_cursor.strip():
                buffer.newline()
                return
            indent = self._ask(self._helper.indent(buffer.text))
            if indent is None:
                buffer.validate_and_handle()
            else:
                buffer.insert_text(f"\n{indent}")

        @keys.add("tab")
        def _complete(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            if not buffer.document.current_line_before_cursor.strip():
                buffer.insert_text(INDENT)
            elif buffer.complete_state is not None:
                buffer.complete_next()
            else:
                self._matches = self._ask_for_matches(buffer.document)
                if len(self._matches) == 1:
                    buffer.apply_completion(self._matches[0])
                else:
                    buffer.start_completion(insert_common_part=True)

        @keys.add("escape", "enter")
        def _run(event: KeyPressEvent) -> None:
            event.current_buffer.validate_and_handle()

        del _enter, _complete, _run  # they are called by their keys
        return keys

    def _ask_for_matches(self, document: Document) -> list[Completion]:
        position = document.cursor_position
        return [
            Completion(match.text, start_position=match.start - position, display_meta=match.kind)
            for match in self._ask(self._helper.matches(document.text, position))
        ]

    def matches(self) -> list[Completion]:
        """Give the kernel's completions of what was typed before the last tab."""
        return self._matches


class _KernelCompleter(Completer):
    """Completions, as prompt_toolkit asks for them."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """Give them for what stands there."""
        yield from self._terminal.matches()


def _leave(app: Any) -> None:
    if app.is_running and not app.is_done:
        app.exit(exception=EOFError)


def _continuation(width: int, _line: int, _soft_wraps: int) -> str:
    return "...: ".rjust(width)


def _lexer(language: str | None) -> Lexer | None:
    from pygments import lexers
    from pygments.util import ClassNotFound

    if language is None:
        return None
    try:
        return PygmentsLexer(type(lexers.get_lexer_by_name(language)))
    except ClassNotFound:
        return None
