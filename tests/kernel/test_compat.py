"""The kernel starts only where ipykernel and IPython have what it needs, and says what is not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from conkernelclient.kernel import compat
from conkernelclient.kernel.compat import NEEDED, IncompatibleError, OutStream, check

KERNEL = Path(compat.__file__).parent


def test_what_is_installed_will_do() -> None:
    """Else no kernel starts here."""
    check()


@pytest.mark.parametrize("version", ["6.30.0", "8.0.0", "70.0"])
def test_another_release_of_ipykernel_is_named(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With IPython's."""
    monkeypatch.setattr(compat, "VERSIONS", (version, "9.9"))
    with pytest.raises(IncompatibleError) as raised:
        check()
    assert str(raised.value) == (
        f"the kernel stands on ipykernel 7, and found ipykernel {version}, IPython 9.9"
    )


def test_each_name_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once, with the releases."""
    monkeypatch.setattr(compat, "VERSIONS", ("7.9", "9.9"))
    monkeypatch.setitem(NEEDED, OutStream, ("write", "_no_such", "nor_this"))
    with pytest.raises(IncompatibleError) as raised:
        check()
    assert str(raised.value) == (
        "ipykernel 7.9, IPython 9.9 lack OutStream._no_such, OutStream.nor_this: "
        "install another release of ipykernel 7"
    )


def test_no_other_module_imports_ipykernel_or_ipython() -> None:
    """Whoever looks what the kernel needs of them looks here."""
    found: set[str] = set()
    for path in KERNEL.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.ImportFrom(module=str(name)):
                    names = [name]
                case ast.Import(names=aliases):
                    names = [alias.name for alias in aliases]
                case _:
                    continue
            if any(it.split(".")[0] in ("ipykernel", "IPython") for it in names):
                found.add(path.name)
    assert found == {"compat.py"}


def test_all_that_it_offers_is_there() -> None:
    """Its names for type checkers are those that run."""
    assert all(hasattr(compat, name) for name in compat.__all__)
