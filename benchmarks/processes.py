"""How are stubs, workers and kernels started, asked, and ended whatever happens?"""

from __future__ import annotations

import json
import os
import secrets
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

__all__ = ["ROOT", "CannotError", "Child", "compiling", "kernel", "program", "stub"]

ROOT: Final = Path(__file__).resolve().parents[1]
STARTS_WITHIN: Final = 60.0  # seconds
ENDS_WITHIN: Final = 5.0  # seconds, after its standard input ended


class CannotError(Exception):
    """A contestant did not do its job: it failed, lost something, or took too long."""


def compiling() -> dict[str, str]:
    """Give the environment of a kernel whose source is compiled once, as what pip installs is."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


class Child:
    """
    A process that takes JSON lines and answers each with one.

    It is to end with its standard input; `end` kills it if it does not.
    """

    def __init__(self, argv: Sequence[str], *, is_ours: bool = True) -> None:
        environment = dict(os.environ)
        if is_ours:
            environment["PYTHONPATH"] = str(ROOT)
        else:
            environment.pop("PYTHONPATH", None)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._unread = b""
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=ROOT,
            env=environment,
        )

    def tell(self, line: object) -> None:
        """Send one line."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise CannotError(self._last_words()) from None

    def hear(self, timeout: float) -> Any:
        """
        Give the next line, within `timeout` seconds.

        Raises:
            CannotError: It ended, took longer, or says that it failed.
        """
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout
        while b"\n" not in self._unread:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._process.stdout], [], [], left)[0]:
                raise CannotError(f"no answer within {timeout:g} s")
            data = os.read(self._process.stdout.fileno(), 2**20)
            if not data:
                raise CannotError(self._last_words())
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise CannotError(answer["error"])
        return answer

    def ask(self, job: str, within: float, /, **arguments: object) -> Any:
        """Have a worker do a job; see `benchmarks/worker.py`."""
        self.tell([job, arguments])
        return self.hear(within)

    def _last_words(self) -> str:
        self._process.wait(ENDS_WITHIN)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with status {self._process.returncode}"

    def end(self, within: float = ENDS_WITHIN) -> None:
        """End the process, which has so many seconds for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended already
            self._process.stdin.close()
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._process.stdout.close()
            self._errors.close()


@contextmanager
def program(*arguments: str, timeout: float = STARTS_WITHIN) -> Iterator[Child]:
    """Run `python -m ...` of ours, which answers as a `Child` does."""
    child = Child([sys.executable, "-m", *arguments])
    try:
        yield child
    finally:
        child.end()


@contextmanager
def stub(
    kernels: int = 1, *, curve: bool = False, source: str = "benchmarks.stub"
) -> Iterator[list[str]]:
    """Run a process of stub kernels, of the module `source`; gives their connection files."""
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder, f"{number}.json")) for number in range(kernels)]
        options = ["--curve"] if curve else []
        with program(source, *options, *files) as child:
            child.hear(STARTS_WITHIN)
            yield files


@contextmanager
def kernel() -> Iterator[str]:
    """
    Run an ipykernel, encrypted if it can be, as our manager starts it; gives its connection file.

    It may be starting still.
    """
    import zmq
    from jupyter_client.connect import write_connection_file
    from jupyter_client.kernelspec import KernelSpecManager

    spec = KernelSpecManager().get_kernel_spec("python3")
    with tempfile.TemporaryDirectory() as folder:
        key = secrets.token_hex().encode()
        can_encrypt = "curve" in spec.metadata.get("supported_encryption", ())
        public, secret = zmq.curve_keypair() if can_encrypt else (None, None)
        file, _ = write_connection_file(
            str(Path(folder, "kernel.json")),
            key=key,
            curve_publickey=public,
            curve_secretkey=secret,
        )
        process = subprocess.Popen(
            [sys.executable, *(part.replace("{connection_file}", file) for part in spec.argv[1:])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "JPY_PARENT_PID": str(os.getpid())},  # it ends when we do
        )
        try:
            yield file
        finally:
            process.kill()
            process.wait()
