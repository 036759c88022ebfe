"""Commands of a room: started for the host, fed, signalled, and reported until they end."""

import os
import selectors
import signal
import subprocess

from .files import HOME, Refused, resolve

MAX_PROCESSES = 64
MAX_WAITING_INPUT = 4 * 1024 * 1024
PIPE_READ = 64 * 1024
SIGNALS = {"SIGNAL_SIGTERM": signal.SIGTERM, "SIGNAL_SIGKILL": signal.SIGKILL}


def tell_all(number):
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        # There is nobody.
        pass


class Processes:
    def __init__(self, agent):
        self.agent = agent
        self.by_pid = {}

    def operations(self):
        return {
            "startProcess": self.start,
            "sendInput": self.send_input,
            "closeInput": self.close_input,
            "signalProcess": self.signal,
            "stopAll": self.stop_all,
            "continueAll": self.continue_all,
        }

    def stop_all(self, _header, _body):
        """Everybody but us, at one instant: a fork under way ends before it or begins again after it, so nobody escapes."""
        tell_all(signal.SIGSTOP)
        return {}, b""

    def continue_all(self, _header, _body):
        tell_all(signal.SIGCONT)

    def start(self, header, _body):
        if len(self.by_pid) >= MAX_PROCESSES:
            raise Refused("resource_exhausted", f"a sandbox may run {MAX_PROCESSES} commands at once")
        cwd = resolve(header["cwd"] or HOME)
        if not os.path.isdir(cwd):
            raise Refused("invalid_argument", f"cwd '{cwd}' does not exist")
        child = subprocess.Popen(
            [header["cmd"], *header["args"]], cwd=cwd, env={**os.environ, **header["environment"]},
            stdin=subprocess.PIPE if header["stdin"] else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )
        self.by_pid[child.pid] = Process(self.agent, header["id"], child)

    def find(self, header):
        found = self.by_pid.get(header["pid"])
        if found is None:
            raise Refused("not_found", f"process with pid {header['pid']} not found")
        return found

    def send_input(self, header, body):
        self.find(header).feed(body)
        return {}, b""

    def close_input(self, header, _body):
        self.find(header).close_input()
        return {}, b""

    def signal(self, header, _body):
        """The whole group, so that no helper of a command outlives it."""
        number = SIGNALS.get(header["signal"])
        if number is None:
            raise Refused("invalid_argument", "only SIGNAL_SIGTERM and SIGNAL_SIGKILL can be sent")
        os.killpg(self.find(header).child.pid, number)
        return {}, b""

    def ended(self, pid, status):
        found = self.by_pid.pop(pid, None)
        if found is not None:
            found.ended(status)


class Process:
    def __init__(self, agent, request, child):
        self.agent = agent
        self.request = request
        self.child = child
        self.waiting = bytearray()
        self.closes_input = False
        self.agent.send({"kind": "event", "id": request, "event": "start", "more": False}, str(child.pid).encode())
        self.pipes = {child.stdout: "stdout", child.stderr: "stderr"}
        for pipe in self.pipes:
            os.set_blocking(pipe.fileno(), False)
            agent.watch(pipe, lambda one=pipe: self.on_pipe(one))
        if child.stdin is not None:
            os.set_blocking(child.stdin.fileno(), False)

    def on_pipe(self, pipe):
        try:
            data = os.read(pipe.fileno(), PIPE_READ)
        except BlockingIOError:
            return False
        if not data:
            self.drop(pipe)
            return False
        self.agent.send({"kind": "event", "id": self.request, "event": self.pipes[pipe], "more": False}, data)
        return True

    def drop(self, pipe):
        if pipe in self.agent.sources:
            self.agent.unwatch(pipe)
            pipe.close()

    def feed(self, data):
        if self.child.stdin is None or self.closes_input:
            raise Refused("failed_precondition", "the input of the process is not open")
        if len(self.waiting) + len(data) > MAX_WAITING_INPUT:
            raise Refused("resource_exhausted", "the process does not read its input")
        if not self.waiting:
            self.agent.selector.register(self.child.stdin, selectors.EVENT_WRITE, lambda _mask: self.on_writable())
        self.waiting += data

    def on_writable(self):
        try:
            sent = os.write(self.child.stdin.fileno(), self.waiting)
            del self.waiting[:sent]
        except BlockingIOError:
            return
        except OSError:
            self.waiting.clear()
        if not self.waiting:
            self.agent.selector.unregister(self.child.stdin)
            if self.closes_input:
                self.child.stdin.close()

    def close_input(self):
        if self.child.stdin is None or self.closes_input:
            return
        self.closes_input = True
        if not self.waiting:
            self.child.stdin.close()

    def ended(self, status):
        for pipe in list(self.pipes):
            rounds = 64
            while rounds and pipe in self.agent.sources and self.on_pipe(pipe):
                rounds -= 1
            self.drop(pipe)
        if self.waiting:
            self.agent.selector.unregister(self.child.stdin)
        if self.child.stdin is not None and not self.child.stdin.closed:
            self.child.stdin.close()
        self.child.returncode = 0
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        self.agent.send({"kind": "reply", "id": self.request, "value": {"exitCode": code, "signal": number}})
