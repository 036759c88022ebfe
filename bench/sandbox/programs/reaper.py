"""Runs a command and stays the ancestor of all that comes of it: what outlives its parent is adopted, and reaped when it ends,
as the first process of a machine does it.

reaper.py COMMAND …"""

import ctypes
import os
import signal
import sys

PR_SET_CHILD_SUBREAPER = 36

if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
    raise SystemExit("Orphans cannot be adopted here.")
command = os.fork()
if command == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGTERM, lambda *_: os.kill(command, signal.SIGTERM))
code = 0
while True:
    try:
        pid, status = os.wait()
    except ChildProcessError:
        sys.exit(code)
    if pid == command:
        code = os.waitstatus_to_exitcode(status)
