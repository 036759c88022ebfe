"""A kernel: runs cells in one namespace and reports what they print, show and raise, in order, as packets."""

import ast
import asyncio
import builtins
import ctypes
import importlib
import inspect
import os
import select
import signal
import sys
import types

from . import frames, magics, show, streams, tracebacks

PR_SET_DUMPABLE = 4


class Kernel:
    def __init__(self, link):
        self.out = streams.Out(link)
        self.link = link
        self.count = 0
        self.running = False
        self.wanted = []
        self.display = show.Display(self.out)
        self.main = types.ModuleType("__main__")
        self.main.__dict__.update({"__builtins__": builtins, "display": self.display, magics.CALL: magics.run_line})
        self.loop = None

    def serve(self):
        body = b""
        while True:
            self.preload()
            packet = frames.receive_packet(self.link)
            if packet is None:
                return
            header, part = packet
            body += part
            if header.get("more"):
                continue
            self.obey(header, body)
            body = b""

    def preload(self):
        """Imports what is wanted, one module at a time, as long as nobody asks for anything."""
        if not self.wanted:
            return
        while self.wanted and not select.select([self.link], [], [], 0)[0]:
            preload(self.wanted.pop(0))
        if not self.wanted:
            self.out.send({"event": "preloaded"})

    def obey(self, header, body):
        if header["op"] == "run":
            self.run(body.decode("utf-8", "replace"), header["environment"])
        elif header["op"] == "environment":
            os.environ.update(header["values"])
            if "http_proxy" in header["values"]:
                forget_proxies()
        elif header["op"] == "preload":
            self.wanted.extend(header["modules"])

    def run(self, code, environment):
        self.count += 1
        self.out.event("count", str(self.count).encode())
        before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        try:
            self.running = True
            self.execute(code)
            self.display.figures()
        except KeyboardInterrupt as error:
            self.out.error(*tracebacks.describe(error))
        finally:
            self.running = False
            restore(before)
        self.out.flush()
        self.out.send({"event": "done"})

    def execute(self, code):
        name = f"<cell {self.count}>"
        try:
            for step, is_value in steps(code, name):
                value = self.evaluate(step)
                if is_value and value is not None:
                    self.main.__dict__["_"] = value
                    self.display.value(value)
        except SystemExit as error:
            # `sys.exit()` at the end of a script is how a script ends well.
            if error.code not in (None, 0):
                self.out.error(*tracebacks.describe(error))
        except BaseException as error:
            self.out.error(*tracebacks.describe(error))

    def evaluate(self, step):
        value = eval(step, self.main.__dict__)
        if step.co_flags & inspect.CO_COROUTINE:
            if self.loop is None:
                self.loop = asyncio.new_event_loop()
                asyncio.set_event_loop(self.loop)
            value = self.loop.run_until_complete(value)
        return value

    def on_interrupt(self, _number, _frame):
        if self.running:
            raise KeyboardInterrupt


def steps(code, name):
    """A cell as compiled pieces; the last one is a value to show unless it ends in `;`."""
    tracebacks.remember(name, code)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = parsed(code, name, ast.PyCF_ONLY_AST | flags)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    if tree.body:
        yield compile(tree, name, "exec", flags, dont_inherit=True), False
    if last is not None:
        is_shown = not code.rstrip().endswith(";")
        yield compile(ast.Expression(last.value), name, "eval", flags, dont_inherit=True), is_shown


def parsed(code, name, flags):
    """A cell that is not Python may be a notebook's."""
    try:
        return compile(code, name, "exec", flags, dont_inherit=True)
    except SyntaxError:
        notebook = magics.rewritten(code)
        if notebook is None:
            raise
        return compile(notebook, name, "exec", flags, dont_inherit=True)


def restore(before):
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def forget_proxies():
    """urllib looks for them once; code that found no network before must find it now."""
    request = sys.modules.get("urllib.request")
    if request is not None:
        request._opener = None


def preload(module):
    try:
        importlib.import_module(module)
    except Exception:
        # A package that is not there is reported when the user's code asks for it.
        return


def no_input(prompt=""):
    raise RuntimeError("input() cannot be used here: nobody can type into the sandbox. Put the value into the code.")


def main(link, cwd):
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    kernel = Kernel(link)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, kernel.on_interrupt)
    os.chdir(cwd)
    sys.modules["__main__"] = kernel.main
    sys.argv = [""]
    sys.path[0] = ""
    streams.install(kernel.out)
    builtins.input = no_input
    builtins.display = kernel.display
    kernel.serve()
    os._exit(0)
