"""
What is a cell in IPython's syntax in Python, and which names do its magics use?

IPython itself makes Python of it, if it can be imported. A magic that is not known to leave names
alone is reported: it may run any code.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any, Final, cast

__all__ = ["Magic", "as_python", "magic_of"]

METHODS: Final = frozenset({"run_line_magic", "run_cell_magic", "system", "getoutput"})
SHELL: Final = frozenset({"system", "getoutput"})
EXPANDED: Final = re.compile(r"[${]")  # IPython puts values of names into a command

LINES_WITHOUT_NAMES: Final = frozenset(
    {
        *("alias", "autoreload", "cd", "colors", "conda", "config", "config_inline", "dirs"),
        *("doctest_mode", "env", "gui", "history", "load_ext", "ls", "logstart", "logstop"),
        *("lsmagic", "magic", "matplotlib", "mamba", "notebook", "pdoc", "pdef", "pfile", "pinfo"),
        *("pinfo2", "pip", "popd", "precision", "psearch", "psource", "pushd", "pwd", "quickref"),
        *("reload_ext", "set_env", "unload_ext", "uv", "who", "who_ls", "whos", "xmode"),
    }
)
CELLS_WITHOUT_NAMES: Final = frozenset(
    {"html", "HTML", "javascript", "js", "latex", "markdown", "svg", "SVG", "writefile", "file"}
)
SCRIPTS: Final = frozenset({"bash", "sh", "script", "perl", "ruby", "sx", "system", "!"})
TIMED: Final = frozenset({"time"})  # run the code as it stands


@dataclass(frozen=True, slots=True)
class Magic:
    """
    What a magic does to names.

    Attributes:
        reason: Why that is not known; None where it is.
        code: The Python that it runs as if it stood in the cell; "" for none.
    """

    reason: str | None = None
    code: str = ""


def as_python(source: str) -> tuple[str | None, list[str]]:
    """Give the cell as Python, None where there is none; and why its names are not known."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        pass
    except (RecursionError, MemoryError):  # Python's parser has raised either
        return None, ["line 1: it is nested too deeply to be read"]
    else:
        return source, []
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return None, ["line 1: it is no valid Python, and IPython is not there to read it"]
    try:
        return TransformerManager().transform_cell(source), []
    except Exception as error:  # IPython's transformers raise what they like
        return None, [f"line 1: IPython cannot read it: {type(error).__name__}"]


def magic_of(node: ast.Call) -> Magic | None:
    """Give what `get_ipython().run_line_magic(...)` and the like do; None for any other call."""
    method = node.func
    if not (
        isinstance(method, ast.Attribute)
        and method.attr in METHODS
        and isinstance(method.value, ast.Call)
        and isinstance(method.value.func, ast.Name)
        and method.value.func.id == "get_ipython"
    ):
        return None
    texts = [part.value for part in node.args if isinstance(part, ast.Constant)]
    if len(texts) != len(node.args) or not all(isinstance(text, str) for text in texts):
        return Magic(reason=f"get_ipython().{method.attr}")
    arguments = cast("list[Any]", texts)
    if method.attr in SHELL:
        return _command(arguments[0] if arguments else "")
    if method.attr == "run_line_magic":
        return _line(*[*arguments, "", ""][:2])
    return _cell(*[*arguments, "", "", ""][:3])


def _command(text: str) -> Magic:
    return Magic(reason=f"!{text:.40}" if EXPANDED.search(text) else None)


def _line(name: str, text: str) -> Magic:
    if name in TIMED:
        return Magic(code=text)
    is_known = name in LINES_WITHOUT_NAMES and not EXPANDED.search(text)
    return Magic(reason=None if is_known else f"%{name}")


def _cell(name: str, text: str, body: str) -> Magic:
    if name in TIMED:
        return Magic(code=f"{text}\n{body}")
    is_known = name in CELLS_WITHOUT_NAMES and not EXPANDED.search(text)
    if name in SCRIPTS:
        is_known = "--" not in text and not EXPANDED.search(text + body * (name in ("sx", "!")))
    return Magic(reason=None if is_known else f"%%{name}")
