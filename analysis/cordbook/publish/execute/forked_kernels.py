"""Kernels that start at once: forked from a process that has loaded numpy, pandas and matplotlib already.

A Jupyter kernel spends two seconds on imports before its first cell. Here the builder loads the large libraries once and
forks a process a chapter, which then runs the ordinary IPython kernel: same code, same messages, same outputs. Of the package
what chapters import is loaded before too; the rooms that only build are dropped in each, so that they stand in the record of
a chapter only if it uses them. Where a system cannot fork safely, plain kernels are started.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint
from queue import Empty
from typing import Any, NoReturn

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

KERNEL = "python3"
PROVISIONER = "cordbook-fork"
#: What chapters need, loaded before forking. None of these starts a thread or opens a file for good.
PRELOADED = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "IPython.core.completer", "numpy", "scipy.optimize", "scipy.stats",
    "scipy.special", "pandas", "statsmodels.stats.proportion", "matplotlib.figure", "matplotlib.backends.backend_svg", "yaml",
    "matplotlib_inline.backend_inline", "cordbook.notebook",
)  # fmt: skip
#: Rooms that build; chapters have no use for them.
NOT_FOR_CHAPTERS = ("cordbook.publish", "cordbook.cli", "cordbook.intake")
_PR_SET_PDEATHSIG = 1
_POLL_S = 0.02
_HEARD_S = 0.2
_LENGTH = 8


def can_fork() -> bool:
    """Forking a process with these libraries is safe on Linux; the system libraries of macOS forbid it, Windows cannot."""
    return sys.platform.startswith("linux")


class ForkedWork:
    """A forked process with the part of ``subprocess.Popen`` that waits for it and ends it.

    It runs ``work`` in the memory of its parent as it was, silently, and ends with 0 if that raised nothing. It ends with its
    parent. To be made before any event loop, thread or socket exists.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self.returncode: int | None = None
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        # A search for garbage in the child would touch, and so copy, all that it shares with its parent.
        gc.freeze()
        self.pid = os.fork()
        if self.pid == 0:
            self._run(work, parent)
        gc.unfreeze()

    def _run(self, work: Callable[[], None], parent: int) -> NoReturn:
        status = 1
        try:
            _die_with(parent)
            _leave_locks()
            work()
            status = 0
        except BaseException:
            pass  # the parent does it again, and tells what is wrong
        finally:
            os._exit(status)

    def poll(self) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self.returncode = 0
                return 0
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() > end:
                raise TimeoutError(f"kernel {self.pid} still runs")
            time.sleep(_POLL_S)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, signum: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkedProcess(ForkedWork):
    """A forked kernel with the part of ``subprocess.Popen`` that a provisioner uses.

    The child is made at once and waits; :meth:`begin` tells it what to run.
    """

    stdin = stdout = stderr = None

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        super().__init__(lambda: None)
        os.close(self._read)

    def _run(self, work: Callable[[], None], parent: int) -> NoReturn:
        os.close(self._write)
        _child(self._read, parent)

    def begin(self, arguments: list[str], cwd: str, env: dict[str, str]) -> None:
        """Let the kernel run with the arguments of ``ipykernel_launcher``."""
        orders = json.dumps([arguments, cwd, env]).encode()
        orders = len(orders).to_bytes(_LENGTH, "big") + orders
        while orders:
            orders = orders[os.write(self._write, orders) :]
        os.close(self._write)
        self._write = -1

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process, whether it was begun or not."""
        if self._write >= 0:
            os.close(self._write)
            self._write = -1
        super().kill()


def _leave_locks() -> None:
    """In a forked process: let go of the lock of the build, which belongs to the builder alone."""
    from cordbook.core.locks import let_go

    let_go()


def _child(read: int, parent: int) -> NoReturn:
    """The forked process: waits for its orders, then is an IPython kernel until it is told to end."""
    status = 1
    try:
        os.setsid()
        _die_with(parent)
        _leave_locks()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        # The length comes first: later siblings hold this pipe open too, so that its end may never be seen.
        with os.fdopen(read, "rb") as orders:
            length = int.from_bytes(orders.read(_LENGTH), "big")
            arguments, cwd, env = json.loads(orders.read(length))
        _run_kernel(arguments, cwd, env)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


def _die_with(parent: int) -> None:
    """Have the system end this process when its parent ends, even if that is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _run_kernel(arguments: list[str], cwd: str, env: dict[str, str]) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _as_fresh_interpreter()
    sys.argv = ["ipykernel_launcher.py", *arguments]
    import_module("ipykernel.kernelapp").launch_new_instance()


def _as_fresh_interpreter() -> None:
    """Undo what the builder has done to the interpreter and a new one would not have."""
    if not os.environ.get("MPLBACKEND"):
        # A kernel sets this before matplotlib is imported; here it was imported already.
        import_module("matplotlib").rcParams["backend"] = "module://matplotlib_inline.backend_inline"
    # Whoever builds within a program of theirs may have put a text in the place of its output, of which a kernel can take no copy.
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    for name in [n for n in sys.modules if n.startswith(NOT_FOR_CHAPTERS)]:
        del sys.modules[name]
    # Nobody debugs these kernels; loading the debugger takes longer than all else that a kernel does to start.
    sys.modules.setdefault("debugpy", None)  # type: ignore[arg-type]
    import_module("importlib").invalidate_caches()
    scripts = {os.path.dirname(os.path.abspath(sys.argv[0])), ""}
    sys.path[:] = [entry for place, entry in enumerate(sys.path) if place or entry not in scripts]


class ForkProvisioner(LocalProvisioner):
    """Gives a kernel manager a process that was forked before."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        forked = self.parent.forked
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        # The parent goes as an argument: preloading has read the variable that tells it otherwise.
        arguments.append(f"--IPKernelApp.parent_handle={os.getpid()}")
        forked.begin(arguments, str(kwargs.get("cwd") or os.getcwd()), dict(kwargs.get("env") or os.environ))
        self.process, self.pid, self.pgid = forked, forked.pid, forked.pid
        return self.connection_info


class PromptClient(AsyncKernelClient):
    """Begins as soon as the kernel was heard on both channels; the stock client then waits 0.2 s for silence."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Return when the kernel can be used; raises ``RuntimeError`` if it has ended or does not answer in time."""
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while time.monotonic() < end:
            asked = self.kernel_info()
            try:
                reply = await self.shell_channel.get_msg(timeout=1)
                while not _says_idle(await self.iopub_channel.get_msg(timeout=_HEARD_S), asked):
                    continue
            except Empty:  # not up yet, or not connected yet: ask again
                if not await self.is_alive():
                    raise RuntimeError("the kernel ended before it could be used") from None
                continue
            self._handle_kernel_info_reply(reply)
            return
        raise RuntimeError(f"the kernel did not answer in {timeout:g} s")


def _says_idle(message: dict[str, Any], asked: str) -> bool:
    about, content = message["parent_header"].get("msg_id"), message["content"]
    return about == asked and message["msg_type"] == "status" and content["execution_state"] == "idle"


class ForkedKernelManager(AsyncKernelManager):
    """A kernel manager whose kernel is a given forked process."""

    forked: ForkedProcess
    client_factory = PromptClient

    @classmethod
    def of(cls, forked: ForkedProcess, **traits: Any) -> ForkedKernelManager:
        """A manager for one forked process; ``traits`` are those of a kernel manager."""
        factory = KernelProvisionerFactory.instance()
        factory.provisioners[PROVISIONER] = EntryPoint(
            PROVISIONER, f"{__name__}:{ForkProvisioner.__name__}", KernelProvisionerFactory.GROUP_NAME
        )
        manager = cls(kernel_name=KERNEL, **traits)
        manager.forked = forked
        manager.kernel_spec.metadata = {"kernel_provisioner": {"provisioner_name": PROVISIONER}}
        return manager


def preload() -> None:
    """Load what chapters need; a library that is not there is left to the chapter to miss."""
    for name in PRELOADED:
        try:
            import_module(name)
        except Exception:  # the chapter that imports it will say what is wrong
            continue
