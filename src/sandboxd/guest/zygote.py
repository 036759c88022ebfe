"""Outside of the rooms: a Python with everything imported, of which every room gets a fork.

It holds no data of anybody. For each connection on its socket it forks a joiner (join.py), which never comes back here."""

import ctypes
import gc
import json
import os
import signal
import socket
import sys

from . import join, kernel, show, streams  # noqa: F401

PR_SET_PDEATHSIG = 1
BACKLOG = 128
# Drawn once, so that the first figure of a room finds everything loaded.
AHEAD = ("numpy", "pandas", "matplotlib.pyplot")


def warm():
    """Imports what rooms will need; a package that is not there is reported when a user's code asks for it."""
    for name in AHEAD:
        kernel.preload(name)
    kernel.prepare()
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    figure, axes = pyplot.subplots()
    axes.plot([0, 1], [0, 1], label="x")
    axes.legend()
    show.figure_bundle(figure)
    pyplot.close("all")


def fonts():
    """matplotlib's list of fonts, where it keeps one: rooms get it as a file for programs that they start themselves."""
    matplotlib = sys.modules.get("matplotlib")
    folder = matplotlib.get_cachedir() if matplotlib else None
    names = os.listdir(folder) if folder and os.path.isdir(folder) else []
    return [os.path.join(folder, name) for name in names if name.startswith("fontlist-")]


def main(path):
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(BACKLOG)
    warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # Ctrl+C at a terminal reaches everybody there; sandboxd ends us in its own time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    print(json.dumps({"fonts": fonts()}), flush=True)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            join.main(connection)
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
