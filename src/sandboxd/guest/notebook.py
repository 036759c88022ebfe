"""IPython's shell as a kernel has it: its semantics, with our ways to print, show and fail. Only where IPython is installed."""

import atexit
import contextlib
import linecache
import os
import re
import subprocess
import sys
import warnings
from asyncio import CancelledError
from pathlib import Path

from IPython import version_info
from IPython.core import interactiveshell
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.formatters import DisplayFormatter
from IPython.core.profiledir import ProfileDir
from IPython.utils.text import LSString, SList
from traitlets import Bool, Dict, Set, Type, Unicode, observe
from traitlets.config import Config
from traitlets.config.configurable import Configurable

from . import display, magics, missing, plain, show, tracebacks

FOLDER = "/tmp/.ipython"
# IPython truncates at 1,000, E2B never; printing a million prettily takes seconds.
MAX_SEQUENCE = 10_000
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Compiler(CachingCompiler):
    """Names cells as our tracebacks know them, and shows their lines as they were written."""

    def get_code_name(self, raw_code, transformed_code, number):
        return f"<cell {number}>"

    def cache(self, transformed_code, number=0, raw_code=None):
        name = super().cache(transformed_code, number, raw_code=raw_code)
        lines = plain.without_indent(raw_code or "").lstrip("\n")
        is_whole = lines.startswith("%%")
        if is_whole or lines.count("\n") == transformed_code.rstrip("\n").count("\n"):
            tracebacks.remember(name, lines)
            # IPython 8 keeps what it puts back there.
            getattr(linecache, "_ipython_cache", {})[name] = linecache.cache[name]
        if is_whole:
            tracebacks.remember("<timed exec>", lines.partition("\n")[2])
        return name


class Hook(DisplayHook):
    """Last values are the main results; they are not kept a second time."""

    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.out.result(show.fields(format_dict), True)

    def log_output(self, format_dict):
        pass

    def finish_displayhook(self):
        self._is_active = False


class Publisher(DisplayPublisher):
    def publish(self, data, metadata=None, *_arguments, transient=None, update=False, **_options):
        self.shell.updates.publish(data, (transient or {}).get("display_id"), update)

    def clear_output(self, wait=False):
        """What was shown stays: E2B's protocol has no word for this."""


class Formatter(DisplayFormatter):
    def format(self, obj, include=None, exclude=None):
        special = show.special(obj)
        if special is None:
            bundle, metadata = super().format(obj, include=include, exclude=exclude)
            # Empty: the object has displayed itself.
            special = {**bundle, **show.additional(obj)} if bundle else {}
        else:
            metadata = {}
        chosen = {name: one for name, one in special.items() if name not in (exclude or ()) and name in (include or special)}
        return chosen, metadata


class Profile(ProfileDir):
    """A profile without files."""

    @observe("location")
    def _location_changed(self, _change):
        pass


class Store(dict):
    """What magics remember (`%bookmark`), for this kernel alone."""

    def __init__(self, *_arguments):
        super().__init__()


class InlineBackend(Configurable):
    """Takes what notebooks set of it (`%config InlineBackend.figure_format = 'retina'`); figures are PNG."""

    figure_formats = Set({"png"}).tag(config=True)
    figure_format = Unicode("png").tag(config=True)
    print_figure_kwargs = Dict().tag(config=True)
    rc = Dict().tag(config=True)
    close_figures = Bool(True).tag(config=True)


class Shell(interactiveshell.InteractiveShell):
    displayhook_class = Type(Hook)
    display_pub_class = Type(Publisher)
    compiler_class = Type(Compiler)

    # Set when the kernel has its link; before that nothing is run or shown.
    out = None
    updates = None
    runner = None

    def attach(self, out, runner):
        self.out, self.runner, self.loop_runner = out, runner, runner
        self.updates = display.Updates(out)
        self.history_manager.dir_hist[:] = [Path.cwd()]

    def run(self, code, count):
        self.execution_count = count
        if not code.strip():
            self.history_manager.input_hist_parsed.append("")
            self.history_manager.input_hist_raw.append("")
            return
        self.run_cell(code, store_history=True)

    def adopt(self, inputs, outputs):
        """Goes on where plain Python began."""
        history = self.history_manager
        history.input_hist_parsed[:] = inputs
        history.input_hist_raw[:] = inputs
        history.output_hist.update(outputs)
        self.user_ns.update({"In": history.input_hist_parsed, "Out": history.output_hist})
        last = [outputs[count] for count in sorted(outputs, reverse=True)][:3]
        hook = self.displayhook
        hook._, hook.__, hook.___ = [*last, "", "", ""][:3]
        self.user_ns.update({"_": hook._, "__": hook.__, "___": hook.___})

    # Failing

    def showtraceback(self, exc_tuple=None, *_arguments, **_options):
        _type, error, _traceback = self._get_exc_info(exc_tuple)
        if isinstance(error, CancelledError) and self.runner.is_interrupted:
            error = KeyboardInterrupt()
        if not plain.ended_well(error):
            self.out.error(*tracebacks.describe(error))

    def showsyntaxerror(self, *_arguments, **_options):
        self.showtraceback()

    def showindentationerror(self):
        self.showtraceback()

    def _format_exception_for_storage(self, *_arguments, **_options):
        return {}

    # Commands

    def system(self, cmd):
        self.user_ns["_exit_code"] = magics.run_command(self.var_expand(cmd, depth=1))

    system_piped = system_raw = system

    def getoutput(self, cmd, split=True, depth=0):
        command = ["/bin/bash", "-c", self.var_expand(cmd, depth=depth + 1)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.user_ns["_exit_code"] = done.returncode
        text = done.stdout.decode("utf-8", "replace")
        return SList(text.splitlines()) if split else LSString(text)

    # Building: no files, no threads, no prompts, no copies of what is printed

    def init_ipython_dir(self, ipython_dir):
        self.ipython_dir = FOLDER

    @observe("ipython_dir")
    def _ipython_dir_changed(self, _change):
        pass

    def init_profile_dir(self, profile_dir):
        self.profile_dir = Profile(location=f"{FOLDER}/profile_default")

    def init_sys_modules(self):
        pass

    def init_prompts(self):
        pass

    def init_display_formatter(self):
        self.display_formatter = Formatter(parent=self)
        self.display_formatter.formatters["text/plain"].max_seq_length = MAX_SEQUENCE
        self.configurables.append(self.display_formatter)
        self.configurables.append(InlineBackend(parent=self))

    def init_user_ns(self):
        super().init_user_ns()
        # Python's own: files may be opened by number, and `exit()` ends a script.
        for name in ("open", "exit", "quit"):
            self.user_ns.pop(name, None)

    def init_magics(self):
        super().init_magics()
        for name in ("pip", "conda", "mamba", "micromamba", "uv"):
            self.register_magic_function(refuse_installing, "line", name)
        for name in ("bash", "sh"):
            original = self.find_cell_magic(name)
            self.register_magic_function(bash_magic(original), "cell", name)

    @contextlib.contextmanager
    def _tee(self, channel):
        yield

    def enable_gui(self, gui=None):
        """There is no screen."""

    def enable_matplotlib(self, gui=None):
        """Figures are always results."""
        return gui, "module://sandpiper.inline"


def refuse_installing(line):
    raise RuntimeError(missing.no_installing(line))


def bash_magic(original):
    def bash(line, cell):
        if line.strip():
            return original(line, cell)
        code = magics.run_bash([], cell)
        if code != 0:
            raise subprocess.CalledProcessError(code, "bash")
        return None

    return bash


def show_in_pager(_shell, data, *_arguments, **_options):
    """`obj?` prints."""
    text = data.get("text/plain", "") if isinstance(data, dict) else str(data)
    print(COLOURS.sub("", text))


def build(main):
    """The shell for the module `main`, complete but for its link."""
    interactiveshell.PickleShareDB = Store
    # `sys.exit()` in a cell is no attempt to leave a shell.
    warnings.filterwarnings("ignore", message="To exit: use")
    config = Config()
    config.InteractiveShell.update({"colors": no_colours(), "enable_tip": False, "banner1": "", "warn_venv": False})
    config.HistoryManager.update({"enabled": False, "hist_file": ":memory:"})
    shell = Shell.instance(config=config, user_module=main, user_ns=main.__dict__)
    shell.builtin_trap.auto_builtins = {"get_ipython": shell.get_ipython}
    shell.set_hook("show_in_pager", show_in_pager, 0)
    # The shell has nothing to tidy up when its process ends.
    atexit.unregister(shell.atexit_operations)
    return shell


def no_colours():
    """IPython 9 writes the names of its colours small."""
    return "nocolor" if version_info[0] >= 9 else "NoColor"


