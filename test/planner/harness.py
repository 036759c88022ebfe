"""Runs rendered programs as the sandbox would, one after another in their own folders: figures that are open at plt.show()
are saved there, every warning is shown, and each program's output becomes one JSON line."""
import contextlib
import io
import json
import os
import runpy
import sys
import traceback
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

shown = 0


def show(*args, **kwargs):
    global shown
    for number in plt.get_fignums():
        shown += 1
        plt.figure(number).savefig(f"figure{shown}.png")
    plt.close("all")


plt.show = show
for program in sys.argv[1:]:
    shown, code, out, err = 0, 0, io.StringIO(), io.StringIO()
    os.chdir(os.path.dirname(program))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("default")
        try:
            runpy.run_path(program, run_name="__main__")
        except BaseException:
            code = 1
            traceback.print_exc()
    print(json.dumps({"stdout": out.getvalue(), "stderr": err.getvalue(), "exitCode": code, "figures": shown}))
