"""The kernel's command line does what it says, and an error says what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conkernelclient.kernel import command
from conkernelclient.kernel.command import main

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_installed_is_listed_until_it_is_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the place that was named."""
    where = ["--prefix", str(tmp_path)]
    path = tmp_path / "share" / "jupyter" / "kernels" / "mine"
    more = ["--mode", "auto", "--env", "A", "1", "--display-name", "M"]
    assert main(["install", *where, "--name", "Mine", *more]) == 0
    assert capsys.readouterr().out == f"installed the kernelspec mine in {path}\n"
    assert main(["list", *where]) == 0
    assert capsys.readouterr().out == f"mine  auto   asyncio  {path}\n"
    assert main(["uninstall", *where, "--name", "mine"]) == 0
    assert capsys.readouterr().out == f"removed {path}\n"
    assert main(["list", *where]) == 0
    assert "conkernel kernel install" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "preload"),
    [([], None), (["--fork"], []), (["--preload", "a,b", "--preload", "c"], ["a", "b", "c"])],
)
def test_a_kernel_that_is_forked_says_so(
    tmp_path: Path, options: list[str], preload: list[str] | None
) -> None:
    """And what is loaded before."""
    assert main(["install", "--prefix", str(tmp_path), *options]) == 0
    path = tmp_path / "share" / "jupyter" / "kernels" / "conkernel" / "kernel.json"
    metadata = json.loads(path.read_text())["metadata"]
    assert metadata.get("preload") == preload
    forks = {"provisioner_name": "conkernel-fork"}
    assert metadata.get("kernel_provisioner") == (None if preload is None else forks)


def test_a_kernel_of_trio_cells_has_a_name_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command has the option; `list` then leaves the others out."""
    where = ["--prefix", str(tmp_path)]
    path = tmp_path / "share" / "jupyter" / "kernels" / "conkernel-trio"
    assert main(["install", *where]) == main(["install", "--trio", *where]) == 0
    assert f"the kernelspec conkernel-trio in {path}" in capsys.readouterr().out
    assert main(["list", "--trio", *where]) == 0
    assert capsys.readouterr().out == f"conkernel-trio  queue  trio     {path}\n"
    assert main(["uninstall", "--trio", *where]) == 0
    assert not path.exists()
    assert path.with_name("conkernel").exists()


def test_without_trio_no_kernel_of_trio_cells_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says how to have it."""
    monkeypatch.setitem(sys.modules, "trio", None)
    assert main(["install", "--trio", "--prefix", str(tmp_path)]) == 1
    assert "pip install 'conkernelclient[trio]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_without_trio_no_kernel_of_trio_cells_starts(tmp_path: Path) -> None:
    """It ends at once, with the same words and without a traceback."""
    (tmp_path / "trio.py").write_text("raise ImportError")
    done = python("start", "--trio", cwd=tmp_path, path=str(tmp_path))
    assert done.returncode == 1
    assert "pip install 'conkernelclient[trio]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_name_says_how_to_find_the_known_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit status 1."""
    assert main(["uninstall", "--prefix", str(tmp_path), "--name", "other"]) == 1
    assert "no kernelspec 'other'" in (words := capsys.readouterr().err)
    assert "conkernel kernel list" in words


def test_another_kernels_kernelspec_says_who_removes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stays."""
    path = tmp_path / "share" / "jupyter" / "kernels" / "other"
    path.mkdir(parents=True)
    (path / "kernel.json").write_text('{"argv": ["x"], "display_name": "", "language": "x"}')
    assert main(["uninstall", "--prefix", str(tmp_path), "--name", "other"]) == 1
    assert "jupyter kernelspec remove other" in capsys.readouterr().err
    assert path.exists()


def test_a_place_that_may_not_be_written_says_which_may(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Instead of a traceback."""

    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied", "/somewhere")

    monkeypatch.setattr(command, "install", refuse)
    assert main(["install"]) == 1
    assert "/somewhere may not be written" in (words := capsys.readouterr().err)
    assert "--user" in words
    assert "--sys-prefix" in words


def test_a_place_that_cannot_be_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in the place of a directory."""
    (tmp_path / "file").touch()
    assert main(["install", "--prefix", str(tmp_path / "file")]) == 1
    assert "Not a directory" in capsys.readouterr().err


def test_a_bad_name_says_which_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    """Jupyter would not find it."""
    assert main(["install", "--user", "--name", "a b"]) == 1
    assert "only contain ASCII letters" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["install", "--mode", "task"], "choose from"),
        (["instal"], "choose from"),
        (["install", "--user", "--sys-prefix"], "not allowed with"),
        (["install", "--env", "A"], "expected 2 arguments"),
    ],
)
def test_wrong_arguments_say_what_is_right(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit status 2."""
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert words in capsys.readouterr().err


def python(*arguments: str, cwd: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run `python -m conkernelclient.kernel` as a user does, from some directory."""
    root = str(command.__file__).rpartition("/conkernelclient/")[0]
    return subprocess.run(
        [sys.executable, "-m", "conkernelclient.kernel", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([path, root] if path else [root])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_its_module_has_the_commands_as_well(tmp_path: Path) -> None:
    """With their exit status."""
    assert "uninstall" in python("--help", cwd=tmp_path).stdout
    assert python("uninstall", "--prefix", str(tmp_path), cwd=tmp_path).returncode == 1


def test_a_kernel_takes_the_options_of_ipykernel(tmp_path: Path) -> None:
    """Without a command, and after `start`; `install` of ipykernel's application is gone."""
    for first in ([], ["start"]):
        done = python(*first, "--help-all", cwd=tmp_path)
        assert "--IPKernelApp.ip=" in done.stdout
        assert "--ConKernel.default_mode" in done.stdout
        assert "Subcommands" not in done.stdout
        assert done.returncode == 0


def test_the_modules_of_its_directory_are_not_in_the_way(tmp_path: Path) -> None:
    """A notebook beside a file `IPython.py` has a kernel all the same."""
    (tmp_path / "IPython.py").write_text("raise RuntimeError('mine')")
    done = python("--version", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
