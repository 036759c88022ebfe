"""A kernel: runs cells in one namespace and reports what they print, show and raise, in order, as packets.

IPython gives the cells their meaning where it is installed. It takes a quarter of a second to import, so a kernel in which
nobody has done that ahead begins with plain Python, and goes on with IPython at the first cell or value that needs it."""

import builtins
import ctypes
import functools
import importlib
import importlib.util
import os
import select
import signal
import sys
import types

from . import coroutines, display, frames, plain, show, streams, tracebacks
from .arrivals import arrivals

PR_SET_DUMPABLE = 4
# Values that every shell shows alike.
SIMPLE = (bool, int, float, complex, str)

# What is done to modules when they are there. A room compiles our files at each start: those that few cells need wait.
FOLLOWED = {
    "matplotlib.font_manager": ("fonts", "follow"),
    "PIL.Image": ("pictures", "follow"),
    "plotly.basedatatypes": ("pictures", "follow_plotly"),
}

# The user's module and its shell: of a process there is one, be it built before a fork or after it.
MAIN = types.ModuleType("__main__")
MAIN.__dict__["__builtins__"] = builtins
prepared = None
# The kernel that this process is.
current = None


def prepare():
    """Imports what cells need and builds IPython's shell, before a fork or after it. None: there is no IPython."""
    global prepared
    for name in ("chart", "fonts", "pictures"):
        importlib.import_module(f"{__package__}.{name}")
    if prepared is None and has_notebook():
        arrivals.forget("IPython")
        from . import notebook

        prepared = notebook.build(MAIN)
    return prepared


@functools.cache
def has_notebook():
    try:
        return importlib.util.find_spec("IPython") is not None
    except (ImportError, ValueError):
        return False


class Kernel:
    def __init__(self, link):
        self.out = streams.Out(link)
        self.link = link
        self.count = 0
        self.running = False
        self.wanted = []
        self.runner = coroutines.Runner()
        self.plain = plain.Plain(self.out, MAIN.__dict__, self.runner)
        self.display = display.Display(self.out)
        self.notebook = None
        if prepared is not None:
            self.open_notebook()
        elif not has_notebook():
            builtins.display = MAIN.__dict__["display"] = self.display
        else:
            builtins.display = lambda *values, **options: self.ask_notebook("display")(*values, **options)
            builtins.get_ipython = lambda: self.open_notebook()
            arrivals.expect("IPython", lambda _module: self.open_notebook())

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
        """Imports what is wanted, one module at a time, as long as nobody asks for anything; IPython comes last."""
        if not self.wanted:
            return
        while self.wanted and not select.select([self.link], [], [], 0)[0]:
            preload(self.wanted.pop(0))
            if not self.wanted and has_notebook():
                self.open_notebook()
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
            self.show_figures()
            self.updates().flush()
        except KeyboardInterrupt as error:
            self.out.error(*tracebacks.describe(error))
        except Exception as error:
            # A figure that cannot be drawn.
            self.out.error(*tracebacks.describe(error))
        finally:
            self.running = False
            plain.restore(before)
        self.out.flush()
        self.out.send({"event": "done"})

    def execute(self, code):
        if self.notebook is None and has_notebook() and not plain.is_python(code, MAIN.__dict__):
            self.open_notebook()
        if self.notebook is not None:
            self.notebook.run(code, self.count)
        else:
            self.plain.run(code, self.count, self.show_value)

    def show_value(self, value):
        """The last value of a cell of plain Python."""
        if self.notebook is None and type(value) not in SIMPLE and has_notebook():
            self.open_notebook()
        if self.notebook is not None:
            self.notebook.displayhook(value)
            return
        self.plain.remember(value, self.count)
        self.out.result(show.fields(show.bundle_of(value)), True)

    def open_notebook(self):
        """IPython takes over; a cell that is running ends as it began."""
        if self.notebook is not None:
            return self.notebook
        own = self.plain.taken()
        self.notebook = prepare()
        self.notebook.attach(self.out, self.runner)
        self.notebook.adopt(self.plain.inputs, self.plain.outputs)
        MAIN.__dict__.update(own)
        self.notebook.execution_count = self.count + 1
        return self.notebook

    def ask_notebook(self, name):
        self.open_notebook()
        return getattr(sys.modules["IPython.display"], name)

    def updates(self):
        return self.display.updates if self.notebook is None else self.notebook.updates

    def show_figures(self):
        if self.notebook is not None:
            # `%%capture` puts another publisher in its place.
            show.show_figures(lambda bundle: self.notebook.display_pub.publish(bundle))
        else:
            show.show_figures(self.display.updates.publish)

    def on_interrupt(self, _number, _frame):
        if self.running:
            raise KeyboardInterrupt


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


def follow(place, action, module):
    getattr(importlib.import_module(f"{__package__}.{place}"), action)(module, show_now)


def show_now(value):
    """The `display()` of this moment: plain Python's or IPython's."""
    builtins.display(value)


def no_input(prompt=""):
    raise RuntimeError("input() cannot be used here: nobody can type into the sandbox. Put the value into the code.")


def prefer_as_victim():
    """Where memory ends, this process goes before its agent."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")
    except OSError:
        # The agent is then as likely; the room ends with it.
        return


def main(link, cwd):
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    prefer_as_victim()
    os.chdir(cwd)
    global current
    kernel = current = Kernel(link)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, kernel.on_interrupt)
    sys.modules["__main__"] = MAIN
    sys.argv = [""]
    sys.path[0] = ""
    streams.install(kernel.out)
    builtins.input = no_input
    os.environ.setdefault("PLOTLY_RENDERER", "plotly_mimetype")
    for name, (place, action) in FOLLOWED.items():
        arrivals.expect(name, functools.partial(follow, place, action))
    kernel.serve()
    os._exit(0)
