"""Asks what HTTP_PROXY names: one request after the other, one large answer, and many connections at once.

client.py REQUESTS MEGABYTES CONNECTIONS. Prints one line of JSON."""

import asyncio
import json
import os
import socket
import sys
import time
from urllib.parse import urlsplit

REQUESTS, MEGABYTES, CONNECTIONS = (int(one) for one in sys.argv[1:4])
PROXY = urlsplit(os.environ["HTTP_PROXY"])
ADDRESS = (PROXY.hostname, PROXY.port)
CHUNK = 1024 * 1024


def question(path):
    return f"GET http://www.example{path} HTTP/1.1\r\nHost: www.example\r\nConnection: close\r\n\r\n".encode()


def ask(path):
    """The number of bytes that came; each request has a connection of its own."""
    with socket.create_connection(ADDRESS) as connection:
        connection.sendall(question(path))
        buffer, count = bytearray(CHUNK), 0
        while received := connection.recv_into(buffer):
            if count == 0 and not buffer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(bytes(buffer[:received]).decode("latin-1"))
            count += received
        return count


def milliseconds(path):
    started = time.perf_counter()
    ask(path)
    return (time.perf_counter() - started) * 1000


async def held():
    """Its answer comes when many are there."""
    reader, writer = await asyncio.open_connection(*ADDRESS)
    writer.write(question("/held"))
    answer = await reader.read()
    writer.close()
    return answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"hello")


async def crowd():
    answers = await asyncio.gather(*(held() for _ in range(CONNECTIONS)), return_exceptions=True)
    return sum(1 for one in answers if one is not True)


for _ in range(20):
    ask("/")
requests = [milliseconds("/") for _ in range(REQUESTS)]
started = time.perf_counter()
received = ask(f"/large/{MEGABYTES}")
rate = received / 1e6 / (time.perf_counter() - started)
failed = asyncio.run(crowd())
print(json.dumps({"requests": requests, "mbPerS": rate, "failed": failed}))
