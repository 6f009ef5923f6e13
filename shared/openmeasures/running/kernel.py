"""A kernel without a process of its own: its shell runs in this one, and its messages are kept instead of sent.

The shell, its display hook and its publisher are ipykernel's own classes, so that what a notebook shows, and what it
finds in its shell, is what it would be anywhere. Only what lies between them and a client is replaced: no sockets, no
threads, and nothing of the user's own IPython, neither profile nor history.

| what | in a kernel | here |
|---|---|---|
| text written over more than 0.2 s | in pieces, as time has it | in one, up to the next output or flush |
| output of started programs | stdout and stderr in either order | first stdout, then stderr |
| the same, through `sys.stdout.fileno()` | goes to the terminal | goes into the notebook |
| cells after `exit()` | run for 0.1 s | do not run: `DeadKernelError` |
| `breakpoint()` | is passed over | raises, as `input()` does in both |
| widgets | their state is kept | nothing is |
| `sys.argv` | says how the kernel was started | is left as it is |

What a notebook changes in its process beyond its own names (modules, settings, the working directory) stays changed
for whatever runs there next; `forks` gives each run a process.
"""

import asyncio
import builtins
import getpass
import os
import sys
from collections import deque
from contextvars import copy_context
from types import SimpleNamespace
from typing import Any, Self, cast

from ipykernel.compiler import XCachingCompiler
from ipykernel.kernelbase import Kernel as BaseKernel
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.shellapp import InteractiveShellApp
from jupyter_client.session import Session
from nbclient.exceptions import DeadKernelError
from traitlets.config import Config

from openmeasures.running.streams import DESCRIPTORS, Stream

Message = dict[str, Any]  # JSON, as Jupyter's messaging protocol has it


class Messages(Session):
    """What a kernel sends, kept in order; JSON makes of a content what it would make of it on its way."""

    def __init__(self) -> None:
        super().__init__(key=b"unsigned, since nothing is sent")
        self.sent: deque[Message] = deque()

    def send(
        self, stream: object, msg_or_type: Message | str, content: Message | None = None,
        parent: Message | None = None, ident: object = None, buffers: object = None, track: bool = False,
        header: Message | None = None, metadata: Message | None = None,
    ) -> Message:  # fmt: skip
        """Keep a message, or a new one of this type and content."""
        message = msg_or_type if isinstance(msg_or_type, dict) else self.msg(msg_or_type, content, parent=parent)
        message["content"] = self.unpack(self.serialize(message)[-1])
        self.sent.append(message)
        return message

    def next(self, timeout: float | None = None) -> Message:
        """Return the first message that was not yet asked for; there is no waiting, as cells run to their end first."""
        return self.sent.popleft()


class Kernel:
    """A context within which a notebook's code runs; what it replaces in this process is restored afterwards.

    nbclient takes it for its connection to a kernel. Raises `RuntimeError` within IPython, which allows one shell a
    process.
    """

    eventloop = None  # what `exit` looks for
    _allow_stdin = False
    raw_input: Any = BaseKernel.raw_input  # both refuse, as `_allow_stdin` tells them to
    getpass: Any = BaseKernel.getpass

    def __init__(self) -> None:
        self._context = copy_context()
        self._messages = Messages()
        self._replies = Messages()
        self.iopub_channel = SimpleNamespace(get_msg=self._messages.next)
        self.shell_channel = SimpleNamespace(get_msg=self._replies.next)

    def __enter__(self) -> Self:
        """Start the shell and let this process's output go to it."""
        if InteractiveShell.initialized():
            raise RuntimeError("this engine cannot run within IPython, which has one shell a process. Name none.")
        self._environment, self._path = dict(os.environ), list(sys.path)
        os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")  # as a kernel's
        self._shell = cast(Any, ZMQInteractiveShell).instance(
            config=Config({"HistoryManager": {"enabled": False}}), kernel=self, compiler_class=XCachingCompiler
        )  # fmt: skip
        self._shell.displayhook.session = self._shell.display_pub.session = self._messages
        cast(Any, InteractiveShellApp).init_path(SimpleNamespace(ignore_cwd=False))
        sys.stdout.flush()
        sys.stderr.flush()
        self._streams = [Stream(name, self.publish) for name in DESCRIPTORS]
        sys.stdout, sys.stderr = self._streams
        return self

    def __exit__(self, *_: object) -> None:
        """Undo both."""
        for stream in self._streams:
            stream.restore()
        self._shell.restore_sys_module_state()
        ZMQInteractiveShell.clear_instance()
        for name in ("__IPYTHON__", "display"):
            vars(builtins).pop(name, None)
        sys.path[:] = self._path
        os.environ.clear()
        os.environ.update(self._environment)

    def is_alive(self) -> bool:
        """Whether there is still a kernel, as nbclient asks each second that a cell waits: this process is it."""
        return True

    def publish(self, kind: str, content: Message) -> None:
        """Keep a message as one that the running cell caused."""
        self._messages.send(None, kind, content, parent=self._shell.parent_header)

    async def execute(self, code: str, *, store_history: bool = True, stop_on_error: bool = True) -> str:
        """Run a cell to its end and return the id of the request, to which its messages and its reply refer.

        All cells share one context, so that a context variable keeps what a cell has set.
        """
        running = self._execute(code, store_history=store_history)
        return await asyncio.create_task(running, context=self._context)

    async def _execute(self, code: str, *, store_history: bool) -> str:
        if self._shell.exit_now:
            raise DeadKernelError("Kernel died")  # what `exit` in an earlier cell led to
        request = self._messages.msg("execute_request", {"code": code})
        self._shell.set_parent(request)
        self.publish("status", {"execution_state": "busy"})
        self.publish("execute_input", {"code": code, "execution_count": self._shell.execution_count})
        inputs = builtins.input, getpass.getpass
        builtins.input, getpass.getpass = self.raw_input, self.getpass
        try:
            result = await self._run(code, store_history=store_history)
        finally:
            builtins.input, getpass.getpass = inputs
        for stream in self._streams:
            stream.flush()
        reply = {"status": "ok", "execution_count": self._shell.execution_count - 1}
        if not result.success or getattr(self._shell, "_last_traceback_during_displayhook", False):
            error = result.error_before_exec or result.error_in_exec
            reply |= {"status": "error", "ename": type(error).__name__, "evalue": str(error)}
            reply |= {"traceback": self._shell._last_traceback or []}
        self._replies.send(None, "execute_reply", reply, parent=request)
        self.publish("status", {"execution_state": "idle"})
        return str(request["header"]["msg_id"])

    async def _run(self, code: str, *, store_history: bool) -> Any:  # noqa: ANN401 - IPython's result of a cell
        """Run a cell as ipykernel does: within the loop that already runs, if it awaits something."""
        shell = self._shell
        try:
            transformed = shell.transform_cell(code)
        except Exception:  # a syntax that IPython adds, used wrongly; the shell reports it
            return shell.run_cell(code, store_history=store_history)
        if not shell.should_run_async(code, transformed_cell=transformed):
            return shell.run_cell(code, store_history=store_history)
        result = None
        try:
            cell = shell.run_cell_async(code, store_history=store_history, transformed_cell=transformed)
            result = await asyncio.create_task(cell)
        finally:
            shell.events.trigger("post_execute")
            shell.events.trigger("post_run_cell", result)
        return result
