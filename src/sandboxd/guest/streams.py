"""What a kernel says: packets to the agent, and the sys.stdout and sys.stderr that write them in order."""

import fcntl
import io
import json
import os
import sys
import termios
import threading
import time

from . import frames

FLUSH_BYTES = 16 * 1024
# Long enough to gather a loop of prints into one packet, short enough to look live.
FLUSH_SECONDS = 0.02
# How long a command waits for the agent to take what was printed before it.
SETTLE_SECONDS = 0.2


class Out:
    """The one way out. Text of both streams waits in one place, so that its order is kept."""

    def __init__(self, link):
        self.link = link
        self.pid = os.getpid()
        self.lock = threading.RLock()
        self.waiting = []
        self.size = 0
        self.wake = threading.Event()
        os.register_at_fork(after_in_child=self.forget)
        threading.Thread(target=self.flush_regularly, daemon=True).start()

    def forget(self):
        """A forked child must not send what its parent has yet to send."""
        self.lock = threading.RLock()
        self.waiting, self.size = [], 0

    def text(self, name, text):
        data = text.encode("utf-8", "replace")
        if os.getpid() != self.pid:
            self.child_text(name, data)
            return
        with self.lock:
            self.waiting.append((name, data))
            self.size += len(data)
            if self.size >= FLUSH_BYTES:
                self.flush()
        self.wake.set()

    def child_text(self, name, data):
        """A forked child has only its pipes; it writes whole lines, so that those of several do not mix."""
        self.waiting.append((name, data))
        if b"\n" in data:
            self.child_flush()

    def child_flush(self):
        for name in ("stdout", "stderr"):
            data = b"".join(part for one, part in self.waiting if one == name)
            while data:
                data = data[os.write(1 if name == "stdout" else 2, data):]
        self.waiting = []

    def flush_regularly(self):
        while True:
            self.wake.wait()
            time.sleep(FLUSH_SECONDS)
            self.wake.clear()
            self.flush()

    def flush(self):
        if os.getpid() != self.pid:
            self.child_flush()
            return
        with self.lock:
            waiting, self.waiting, self.size = self.waiting, [], 0
            index = 0
            while index < len(waiting):
                name, parts = waiting[index][0], []
                while index < len(waiting) and waiting[index][0] == name:
                    parts.append(waiting[index][1])
                    index += 1
                self.cut(name, b"".join(parts))

    def settle(self):
        """What was printed before a command must come before what the command prints into its pipe."""
        self.flush()
        end = time.monotonic() + SETTLE_SECONDS
        while fcntl.ioctl(self.link, termios.TIOCOUTQ, b"\0\0\0\0") != b"\0\0\0\0" and time.monotonic() < end:
            time.sleep(0.0002)

    def cut(self, name, data):
        for start in range(0, len(data), frames.MAX_PACKET_BODY):
            frames.send_packet(self.link, {"event": name}, data[start:start + frames.MAX_PACKET_BODY])

    def send(self, header, body=b""):
        with self.lock:
            frames.send_packet(self.link, header, body)

    def event(self, name, body):
        with self.lock:
            self.flush()
            self.send({"event": name}, body)

    def error(self, name, value, traceback):
        body = {"name": name, "value": value, "traceback": traceback}
        self.event("error", json.dumps(body).encode("ascii"))

    def result(self, data, is_main):
        self.event("result", json.dumps({**data, "is_main_result": is_main}).encode("ascii"))


class Stream(io.TextIOBase):
    encoding = "utf-8"
    errors = "replace"

    def __init__(self, out, name, number):
        self.out, self.stream_name, self.number = out, name, number
        self.buffer = Bytes(self)

    @property
    def name(self):
        return f"<{self.stream_name}>"

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.out.text(self.stream_name, text)
        return len(text)

    def flush(self):
        self.out.flush()

    def writable(self):
        return True

    def isatty(self):
        return False

    def fileno(self):
        return self.number


class Bytes(io.RawIOBase):
    """sys.stdout.buffer"""

    def __init__(self, stream):
        self.stream = stream

    def write(self, data):
        self.stream.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self):
        self.stream.flush()

    def writable(self):
        return True


STARTS_OTHERS = frozenset(("subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "os.exec"))


def install(out):
    sys.addaudithook(lambda event, _arguments: out.settle() if event in STARTS_OTHERS else None)
    sys.stdout = sys.__stdout__ = Stream(out, "stdout", 1)
    sys.stderr = sys.__stderr__ = Stream(out, "stderr", 2)
