"""The way out, seen from inside: connections to 127.0.0.1 are carried to the host as frames, and answers back.

It decides nothing: whom a connection may reach is the host's matter. Neither side sends more than WINDOW bytes of one
connection ahead of what the other has taken, so that a slow one stops nobody else."""

import selectors
import socket

PORT = 3128
WINDOW = 256 * 1024
READ = 128 * 1024
MAX_CONNECTIONS = 320
ACCEPTS = 32


class Forwarder:
    def __init__(self, agent):
        self.agent = agent
        self.listener = None
        self.connections = {}
        self.next = 1

    def operations(self):
        return {"openEgress": self.open, "egress": self.hear}

    def open(self, _header, _body):
        """The port is another one where a program of the user has taken the usual one."""
        if self.listener is None:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", PORT))
            except OSError:
                listener.bind(("127.0.0.1", 0))
            listener.listen(MAX_CONNECTIONS)
            self.listener = listener
            self.agent.watch(listener, self.accept)
        return {"port": self.listener.getsockname()[1]}, b""

    def accept(self):
        for _ in range(ACCEPTS):
            try:
                link, _address = self.listener.accept()
            except OSError:
                return
            if len(self.connections) >= MAX_CONNECTIONS:
                link.close()
                continue
            link.setblocking(False)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number, self.next = self.next, self.next + 1
            self.connections[number] = Connection(self, number, link)

    def hear(self, header, body):
        """No answer, and no complaint: a connection may have ended while the host was still speaking to it."""
        one = self.connections.get(header["connection"])
        if one is not None:
            one.hear(header, body)

    def tell(self, number, what, body=b"", taken=0):
        self.agent.send({"kind": "egress", "connection": number, "what": what, "bytes": taken}, body)


class Connection:
    def __init__(self, forwarder, number, link):
        self.forwarder = forwarder
        self.agent = forwarder.agent
        self.number = number
        self.link = link
        # The same socket under a second number: the selector takes each for one purpose only.
        self.writing = None
        self.window = WINDOW
        self.waiting = bytearray()
        self.taken = 0
        self.heard_all = False
        self.said_all = False
        self.ending = False
        forwarder.tell(number, "open")
        self.agent.watch(link, self.on_readable)

    def on_readable(self):
        try:
            data = self.link.recv(min(READ, self.window))
        except BlockingIOError:
            return
        except OSError:
            self.break_off()
            return
        if not data:
            self.heard_all = True
            self.unwatch()
            self.forwarder.tell(self.number, "end")
            self.close_when_done()
            return
        self.window -= len(data)
        if self.window == 0:
            self.unwatch()
        self.forwarder.tell(self.number, "data", data)

    def hear(self, header, body):
        what = header["what"]
        if what == "data":
            self.waiting += body
            self.flush()
        elif what == "end":
            self.ending = True
            self.flush()
        elif what == "room":
            self.window += header["bytes"]
            if not self.heard_all and self.link not in self.agent.sources:
                self.agent.watch(self.link, self.on_readable)
        else:
            self.close()

    def flush(self):
        try:
            while self.waiting:
                sent = self.link.send(self.waiting)
                del self.waiting[:sent]
                self.taken += sent
        except BlockingIOError:
            pass
        except OSError:
            self.break_off()
            return
        if self.taken and (not self.waiting or self.taken >= WINDOW // 4):
            self.forwarder.tell(self.number, "room", taken=self.taken)
            self.taken = 0
        self.wait_for_room()
        if self.ending and not self.waiting and not self.said_all:
            self.said_all = True
            self.shut()
            self.close_when_done()

    def wait_for_room(self):
        if self.waiting and self.writing is None:
            self.writing = self.link.dup()
            self.agent.selector.register(self.writing, selectors.EVENT_WRITE, lambda _mask: self.flush())
        elif not self.waiting:
            self.stop_writing()

    def stop_writing(self):
        if self.writing is not None:
            self.agent.selector.unregister(self.writing)
            self.writing.close()
            self.writing = None

    def shut(self):
        try:
            self.link.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def unwatch(self):
        if self.link in self.agent.sources:
            self.agent.unwatch(self.link)

    def close_when_done(self):
        if self.heard_all and self.said_all:
            self.close()

    def break_off(self):
        self.forwarder.tell(self.number, "gone")
        self.close()

    def close(self):
        if self.forwarder.connections.pop(self.number, None) is not None:
            self.unwatch()
            self.stop_writing()
            self.link.close()
