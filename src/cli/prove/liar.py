# An agent that was taken over. In a copy of the project it is laid over the real one, which then answers questions about files whose
# names begin with /lie/ with whatever the name says.
import os as _os
import struct as _struct
import time as _time

_HOST = 3


def _say(data):
    view = memoryview(data)
    while view:
        try:
            view = view[_os.write(_HOST, view):]
        except BlockingIOError:
            _time.sleep(0.002)


def _frame(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    _say(_struct.pack(">II", len(text), len(body)) + text + body)


def _endless(make):
    end = _time.monotonic() + 20
    while _time.monotonic() < end:
        make()


def _lie(self, header):
    name, request = header["path"].removeprefix("/lie/"), header["id"]
    event = {"kind": "event", "id": request, "event": "stdout", "more": False}
    lies = {
        "garbage": lambda: _say(_os.urandom(100_000)),
        "long_header": lambda: _say(_struct.pack(">II", 0xFFFFFFFF, 0) + b"{" * 100_000),
        "long_body": lambda: _say(_struct.pack(">II", 2, 0xFFFFFFFF) + b"{}" + b"x" * 100_000),
        "wrong_id": lambda: _frame({"kind": "reply", "id": 999_999_999, "value": {}}),
        "twice": lambda: [_frame({"kind": "reply", "id": request, "value": {}}) for _ in range(2)],
        "odd_id": lambda: _frame({"kind": "reply", "id": "__proto__", "value": {}}),
        "unknown_event": lambda: _frame({**event, "event": "exec"}),
        "unasked_event": lambda: _frame(event, b"x"),
        "endless_events": lambda: _endless(lambda: _frame(event, b"x" * 1_000_000)),
        "endless_empty": lambda: _endless(lambda: _say(bytes(65536))),
        "deep": lambda: _frame(b'{"kind":"reply","id":%d,"value":' % request + b"[" * 30_000 + b"]" * 30_000 + b"}"),
        "wrong_value": lambda: _frame({"kind": "reply", "id": request, "value": {"name": 5, "path": ["x"], "type": {"a": 1}, "size": "big"}}),
        "prototype": lambda: _frame(b'{"kind":"reply","id":%d,"value":{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}}' % request),
        "half": lambda: (_say(_struct.pack(">II", 60_000, 1_000_000) + b"{"), _time.sleep(20)),
        "egress": lambda: [_frame({"kind": "egress", "id": number, "event": "open", "connection": number}, b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n") for number in range(2_000)],
        "long_message": lambda: _frame({"kind": "fail", "id": request, "code": "x" * 1_000, "message": "m" * 60_000}),
        "deaf": lambda: _time.sleep(20),
    }
    lies[name]()
    raise Refused("not_found", "that was a lie")


_true_stat = Files.stat
Files.stat = lambda self, header, body: _lie(self, header) if str(header["path"]).startswith("/lie/") else _true_stat(self, header, body)
