"""
How does a shell complete what is typed?

`conkernel completion` prints the script that a shell reads for it. At a tab that asks `conkernel`
itself, which knows its commands, the kernelspecs and the kernels that run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .options import add_command

if TYPE_CHECKING:
    import argparse

    from .options import Commands

__all__ = ["add", "complete"]

SHELLS: Final = ("bash", "zsh", "fish")
MISSING: Final = "shell completion needs argcomplete: pip install 'conkernelclient[completion]'"


def add(commands: Commands) -> None:
    """Add the command `completion`."""
    parser = add_command(
        commands,
        "completion",
        "print the script with which a shell completes this command",
        [
            'eval "$(conkernel completion bash)"          # in ~/.bashrc',
            'eval "$(conkernel completion zsh)"           # in ~/.zshrc, after compinit',
            "conkernel completion fish | source           # in ~/.config/fish/config.fish",
        ],
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(act=_act)


def _act(args: argparse.Namespace) -> int:
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError:
        raise RuntimeError(MISSING) from None
    print(shellcode(["conkernel"], shell=args.shell), end="")
    return 0


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and end the process, when a shell has started it at a tab."""
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(parser, always_complete_options=False)
