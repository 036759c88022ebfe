"""The two wire formats of a room: frames to the host (a stream) and messages to a kernel (packets).

A frame is two big-endian lengths, a JSON header and raw bytes. A message is one length, a JSON header and raw bytes in
one packet of a SOCK_SEQPACKET pair, so that several processes may write to it without mixing."""

import json
import struct

MAX_HEADER = 64 * 1024
MAX_BODY = 1024 * 1024
# A packet must fit the socket's send buffer (208 KiB by default).
MAX_PACKET_BODY = 64 * 1024

_FRAME = struct.Struct(">II")
_PACKET = struct.Struct(">I")


class ProtocolError(Exception):
    """The other side broke the format."""


def encode_frame(header, body=b""):
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    if len(text) > MAX_HEADER or len(body) > MAX_BODY:
        raise ProtocolError("frame too large")
    return _FRAME.pack(len(text), len(body)) + text + bytes(body)


class FrameReader:
    """Cuts a byte stream into (header, body)."""

    def __init__(self):
        self._buffer = bytearray()

    def push(self, data):
        self._buffer += data
        while len(self._buffer) >= _FRAME.size:
            header_length, body_length = _FRAME.unpack_from(self._buffer)
            if header_length > MAX_HEADER or body_length > MAX_BODY:
                raise ProtocolError("frame too large")
            end = _FRAME.size + header_length + body_length
            if len(self._buffer) < end:
                return
            start = _FRAME.size + header_length
            header = json.loads(self._buffer[_FRAME.size:start])
            with memoryview(self._buffer) as whole:
                body = bytes(whole[start:end])
            del self._buffer[:end]
            yield header, body


def send_packet(link, header, body=b""):
    """Sends one message; a body that is too long for a packet goes ahead in packets marked `more`."""
    view = memoryview(body)
    while len(view) > MAX_PACKET_BODY:
        link.send(_packet({**header, "more": True}, view[:MAX_PACKET_BODY]))
        view = view[MAX_PACKET_BODY:]
    link.send(_packet(header, view))


def _packet(header, body):
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    return _PACKET.pack(len(text)) + text + bytes(body)


def receive_packet(link):
    """One packet as (header, body), or None at the end of the link."""
    data = link.recv(MAX_PACKET_BODY + MAX_HEADER + _PACKET.size)
    if not data:
        return None
    if len(data) < _PACKET.size:
        raise ProtocolError("short packet")
    (length,) = _PACKET.unpack_from(data)
    end = _PACKET.size + length
    try:
        header = json.loads(data[_PACKET.size:end])
    except ValueError as error:
        raise ProtocolError("bad header") from error
    if not isinstance(header, dict):
        raise ProtocolError("bad header")
    return header, data[end:]
