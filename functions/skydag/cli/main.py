"""skydag <command> [arguments and options in any order] (cli.md).

Each command is a module of its own, imported only when it is called, so that the command line starts quickly (no AWS
library for local commands). catalog.py lists them.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO


def process() -> int:
    """`main`, in a process that ends with it.

    Python looks for cyclic garbage whenever it has made 700 objects more than it dropped, and through all that is left
    at the end. A run makes next to none; loading modules and ending took a sixth longer for it."""
    import gc

    gc.set_threshold(50_000, 10, 10)
    if None in (sys.stdin, sys.stdout, sys.stderr):     # closed by whoever started us: `>&-`, some daemons
        _open_closed()
    code = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:                     # a full disk; Python would try once more, and end with a code of its own
            _forget(stream)
    gc.freeze()                             # what is left is given back by the process's end
    return code


def _forget(stream: TextIO) -> None:
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_closed() -> None:
    import os

    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))    # noqa: SIM115, PTH123  as long as we live


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 fine, 1 the user's matter, 70 a bug of ours, 130 interrupted (C-3)."""
    from skydag import __version__

    argv = list(sys.argv[1:] if arguments is None else arguments)
    if "--version" in argv:
        print(__version__)
        return 0
    import time

    try:                                    # noqa: SIM105  no more imports than needed
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S %z')}: skydag v{__version__}", file=sys.stderr)
    except OSError:                         # a full disk, or nobody who reads: the command does its work
        pass
    from skydag.cli.command import called

    try:
        return called(argv)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:                 # whoever read our output has seen enough (`skydag log 1 | head`)
        _forget(sys.stdout)
        return 1
