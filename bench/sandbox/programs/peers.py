"""What print and a picture take in a plain Python and in a Jupyter kernel, each started for it. No sandbox.

peers.py FOLDER PIP ROUNDS. When its stdin ends, it takes its folder and its kernel along."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

FOLDER, PIP, ROUNDS = sys.argv[1], sys.argv[2], int(sys.argv[3])
PACKAGES = os.path.join(FOLDER, "packages")
KERNEL_SECONDS = 3
PRINT = "print(1)"
PLOT = "import pandas as pd\naxes = pd.DataFrame({'a': [1, 3, 2], 'b': [2, 1, 4]}).plot()\n"
SAVE = "import sys\naxes.figure.savefig(sys.stdout.buffer, format='png')\n"
PNG = b"\x89PNG"
# Later ones do not know the matplotlib of older systems.
WANTED = ("ipykernel", "matplotlib-inline<0.2")


def end():
    """A child clears up when everybody else is gone; a kernel sees by itself that we are."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.write(writing, b".")
        time.sleep(KERNEL_SECONDS)
        shutil.rmtree(os.path.dirname(FOLDER), ignore_errors=True)
        os._exit(0)
    os.read(reading, 1)
    os.killpg(0, signal.SIGKILL)


def watch():
    sys.stdin.read()
    end()


def milliseconds(work):
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def python(code, wanted):
    environment = {**os.environ, "MPLBACKEND": "agg"}
    out = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, check=True).stdout
    if not out.startswith(wanted):
        raise RuntimeError("Python did not answer")


def kernel(code, wanted):
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(stderr=subprocess.DEVNULL)
    try:
        heard = []
        client.execute_interactive(code, output_hook=lambda message: heard.append(json.dumps(message["content"])))
        if not any(wanted in one for one in heard):
            raise RuntimeError(f"the kernel did not answer: {heard}")
    finally:
        # What comes after the answer is not measured.
        ended.append(lambda: (client.stop_channels(), manager.shutdown_kernel(now=True)))


ended = []


def figures_of(work):
    work()
    figures = []
    for _ in range(ROUNDS):
        figures.append(milliseconds(work))
        while ended:
            ended.pop()()
    return figures


def kernels():
    pip = [PIP] if PIP else ["-m", "pip"]
    command = [sys.executable, *pip, "install", "--quiet", "--root-user-action", "ignore", "--target", PACKAGES, *WANTED]
    subprocess.run(command, check=True, stdout=sys.stderr, timeout=120)
    sys.path.insert(0, PACKAGES)
    path = [PACKAGES, *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ.update(PYTHONPATH=":".join(path), IPYTHONDIR=os.path.join(FOLDER, "ipython"), JUPYTER_PLATFORM_DIRS="1")
    os.environ.update({f"JUPYTER_{name}_DIR": os.path.join(FOLDER, name) for name in ("RUNTIME", "DATA", "CONFIG")})
    os.environ.pop("MPLBACKEND", None)
    return {
        "kernelPrint": figures_of(lambda: kernel(PRINT, "1\\n")),
        "kernelPlot": figures_of(lambda: kernel("%matplotlib inline\n" + PLOT, "image/png")),
    }


def main():
    os.setpgid(0, 0)
    threading.Thread(target=watch, daemon=True).start()
    figures = {
        "pythonPrint": figures_of(lambda: python(PRINT, b"1")),
        "pythonPlot": figures_of(lambda: python(PLOT + SAVE, PNG)),
    }
    try:
        figures.update(kernels())
    except Exception as error:
        print(f"no ipykernel: {str(error)[:1000]}", file=sys.stderr)
    print(json.dumps({"type": "done", "figures": figures}), flush=True)
    threading.Event().wait()


main()
