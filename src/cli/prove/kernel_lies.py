# A kernel that lies to its agent, on the socket over which it is to tell what its code prints.
import socket
import struct


def link():
    return socket.socket(fileno=os.dup(3))


def packet(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">I", len(text)) + text + body


def garbage(given):
    one = link()
    for data in (b"x", b"\xff" * 60_000, b"\0\0\0\2[]", b"\0\0\0\2{}", b"\xff\xff\xff\xff{}", packet({"event": {"a": 1}}), packet({"event": "exec"})):
        one.send(data)


def false_result(given):
    link().send(packet({"event": "result"}, b'{"is_main_result": "no", "text": 5, "png": {"a": 1}}'))
    time.sleep(5)


def endless_part(given):
    one = link()
    for _ in range(4_000):
        one.send(packet({"event": "result", "more": True}, b"x" * 60_000))


def early_end(given):
    """It says that it has finished, and goes on."""
    link().send(packet({"event": "done"}))
    time.sleep(1)
    link().send(packet({"event": "stdout"}, b"for whoever asks next"))
    link().send(packet({"event": "done"}))


def descriptors_along(given):
    """Descriptors that are sent along would fill the agent's table."""
    one, null = link(), os.open("/dev/null", os.O_RDONLY)
    for _ in range(300):
        one.sendmsg([packet({"event": "stdout"}, b".")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("64i", *[null] * 64))])


def agent_flooded(given):
    """Text as fast as it goes, from many processes at once."""
    for _ in range(8):
        if os.fork() == 0:
            end = time.monotonic() + 4
            while time.monotonic() < end:
                link().send(packet({"event": "stdout"}, b"z" * 60_000))
            os._exit(0)
    time.sleep(4)


def forged_frames(given):
    """Frames for the host, on every descriptor that there is."""
    text = json.dumps({"kind": "reply", "id": 1, "value": {}}).encode()
    sent = []
    for number in range(3, 256):
        try:
            os.write(number, struct.pack(">II", len(text), 0) + text)
            sent.append(number)
        except OSError:
            continue
    print("\x01" + str(sent) + "\x01")
