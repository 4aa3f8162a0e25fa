"""Forks a process for each run of one Python program, on the user's interpreter (3.7 or newer).

    python _fork_server.py <program>

The program and what it imports are loaded once. Standard input is a socket: each message on it carries the socket of
one task. A child takes from there what the task is: {"argv", "cwd", "env", "program"} as JSON, and the descriptor of
its output. It answers "p" and its process id once it is the leader of a session of its own; when it has ended, the
server sends "e" and its exit code, or -n for signal n. Anything but a process id first means: start this one otherwise.
When standard input is closed the run is over, and so is this process.

A child is, as far as it can see, an interpreter that was started for it: what is loaded here are modules of the
standard library, and what an interpreter loads at its start anyway; once one of those files has changed, nothing is
served any more. The child returns from `serve` and ends as any program does.
"""

from __future__ import annotations

import sys

HAS_FOLDER = not (sys.flags.isolated or getattr(sys.flags, "safe_path", False))
if HAS_FOLDER:
    del sys.path[0]     # the folder of this file, in whose place a child has that of its program

import _socket as socket  # noqa: E402  beneath `socket`, which takes as long to load as an interpreter takes to start
import array  # noqa: E402
import atexit  # noqa: E402
import gc  # noqa: E402
import importlib.machinery  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import select  # noqa: E402
import signal  # noqa: E402
import struct  # noqa: E402
import time  # noqa: E402
import types  # noqa: E402
import weakref  # noqa: E402

TYPES_ONLY = False
if TYPES_ONLY:
    from typing import Any

ANSWER = struct.Struct("!cq")
SETTLED_S = 2       # a folder that changed less than so long ago may change again, and its time tell nothing of it
LOOKED_THROUGH = set()      # type: set[str]
STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep       # noqa: PTH100, PTH120


def serve() -> tuple[dict[str, Any], int]:
    """In the server: returns never. In each child: the task, and the descriptor of its output."""
    control = socket.socket(fileno=0)
    before, state = signal.getsignal(signal.SIGCHLD) or signal.SIG_DFL, State()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    running: dict[int, socket.socket] = {}
    sys.stdout.flush()
    control.sendall(b"r")
    while True:
        ready = select.select([0, woken], [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
            tell_ended(running)
        if 0 not in ready:
            continue
        _, handed = received(control, 1)
        if not handed:
            os._exit(0)
        task = socket.socket(fileno=handed[0])
        try:
            pid = os.fork() if state.is_same() else -1
        except OSError:
            pid = -1
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, before)
            for end in (woken, wake, *(other.detach() for other in running.values())):
                os.close(end)
            os.setsid()
            control.detach()
            return begun(task)
        if pid > 0:
            running[pid] = task
        else:
            task.close()


def tell_ended(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        task = running.pop(pid)
        try:                            # noqa: SIM105 - no more imports than needed
            task.sendall(ANSWER.pack(b"e", code))
        except OSError:                 # nobody waits for it
            pass
        task.close()


def received(end: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """Some bytes, and the descriptors that came with them; none of either when the other end is closed."""
    numbers = array.array("i")
    data, extra, _, _ = end.recvmsg(size, socket.CMSG_SPACE(numbers.itemsize))
    for level, kind, content in extra:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(content[:len(content) - len(content) % numbers.itemsize])
    for number in numbers:
        os.set_inheritable(number, False)
    return data, list(numbers)


def begun(task: socket.socket) -> tuple[dict[str, Any], int]:
    """Takes the task, makes this process what it wants to find, and says that it has begun."""
    text, (output,) = received(task, 65_536)
    try:
        while not text.endswith(b"\n"):
            part = task.recv(65_536)
            text += part or b"\n"
        wanted = json.loads(text.decode())
        os.chdir(wanted["cwd"])
    except (OSError, ValueError):
        os._exit(1)             # whoever asked starts it otherwise, and says what is wrong
    os.environ.update(wanted["env"])
    task.sendall(ANSWER.pack(b"p", os.getpid()))
    task.close()
    return wanted, output


def become(wanted: dict[str, Any], output: int) -> types.ModuleType:
    """The module __main__ of the task's program, in a process whose streams, arguments and path are as in one of its
    own."""
    null = os.open(os.devnull, os.O_RDONLY)
    for number, end in enumerate((null, output, output)):
        os.dup2(end, number)
    os.close(null)
    os.close(output)
    whole = wanted["argv"]
    sys.argv[:] = whole[whole.index(wanted["program"]):]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = whole
    if HAS_FOLDER:
        sys.path.insert(0, os.path.dirname(os.path.abspath(wanted["program"])))     # noqa: PTH100, PTH120
    for folder in set(sys.path_importer_cache) - LOOKED_THROUGH:    # files that came or went since the server looked
        del sys.path_importer_cache[folder]
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=PROGRAM, __builtins__=__builtins__)
    return main


class State:
    """What tells that an interpreter started now would be another than this one: the files outside the standard library
    that were loaded at its start, or would be, the folders that modules come from and what those name."""

    def __init__(self) -> None:
        self._files = watched()
        self._marks = marks(self._files)
        changed = [os.stat(file).st_mtime for file in self._files if os.path.isdir(file)]   # noqa: PTH112, PTH116
        self.is_settled = time.time() - max(changed, default=0) > SETTLED_S         # noqa: TID251 - beside their times
        if self.is_settled:             # then nothing comes there that is not seen; so it is looked through once, here
            folders = sorted(set(self._files) & set(sys.path))
            importlib.machinery.PathFinder.find_spec("no such module", folders)
            LOOKED_THROUGH.update(folders)

    def is_same(self) -> bool:
        return marks(self._files if self.is_settled else watched()) == self._marks


def watched() -> list[str]:
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    seen = [file for file in files if file and not is_standard(file)]
    seen.append(os.path.join(sys.prefix, "pyvenv.cfg"))                             # noqa: PTH118
    for folder in {*sys.path, *package_folders()}:
        seen += [os.path.join(folder, name + ".py") for name in ("sitecustomize", "usercustomize")]     # noqa: PTH118
        if is_standard(folder + os.sep) or "-packages" in folder:
            seen.append(folder)
        if "-packages" in folder and os.path.isdir(folder):                         # noqa: PTH112
            seen += [os.path.join(folder, n) for n in os.listdir(folder) if n.endswith(".pth")]         # noqa: PTH118, PTH208
    return sorted(set(seen))


def is_standard(file: str) -> bool:
    return file.startswith(STANDARD) and "-packages" not in file


def marks(files: list[str]) -> list[Any]:
    return [(file, mark(file)) for file in files]


def package_folders() -> list[str]:
    """Where packages may be installed, whether the folder is there yet or not."""
    site = sys.modules.get("site")
    if site is None:
        return []
    user = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return [*getattr(site, "getsitepackages", list)(), *user]


def mark(file: str) -> tuple[int, ...]:
    try:
        found = os.stat(file)                                                       # noqa: PTH116
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def end(main: types.ModuleType, loaded: set[str], code: int) -> None:
    """Ends this process as an interpreter ends, but without taking apart what the server had loaded, which would take
    longer than most tasks: threads are waited for, `atexit` is obeyed, what the task has made is given up, whereby
    files are closed. Beside a thread that runs on, the interpreter does it itself."""
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()
    if not is_single():
        sys.exit(code)
    atexit._run_exitfuncs()
    names = [name for name in sys.modules if name not in loaded]
    left = [weakref.ref(module) for module in [sys.modules.pop(name) for name in names] if module is not None]
    main.__dict__.clear()
    gc.collect()
    for found in reversed(left):            # what is held by a signal's handler, or the like
        module = found()
        if module is not None:
            module.__dict__.clear()
    gc.collect()
    for stream in (sys.stdout, sys.stderr):
        try:                            # noqa: SIM105
            stream.flush()
        except Exception:               # closed, or replaced, by the task: its own affair
            pass
    os._exit(code)


def is_single() -> bool:
    """Whether no other thread runs here."""
    try:
        return len(os.listdir("/proc/self/task")) == 1                              # noqa: PTH208
    except OSError:
        threading = sys.modules.get("threading")
        return threading is None or threading.active_count() == 1


if __name__ == "__main__" and hasattr(os, "fork") and is_single():  # a child would miss a thread of sitecustomize
    PROGRAM = sys.argv[1]
    with open(PROGRAM, encoding="utf-8") as text_:                                  # noqa: PTH123
        code = compile(text_.read(), PROGRAM, "exec", dont_inherit=True)
    gc.collect()
    gc.freeze()
    sys.modules["__main__"] = main = become(*serve())
    loaded = set(sys.modules)
    try:
        exec(code, main.__dict__)                                                   # noqa: S102
    except SystemExit as ended:
        if type(ended.code) is int:
            end(main, loaded, ended.code & 0xFF)
        raise
