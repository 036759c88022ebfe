# A program that is not ours: Python's sqlite3 as it comes, and the seven columns. `ask` writes one row for each line on
# stdin; `loop` writes rows one after the other for so many milliseconds and says how long each took.
import json
import sqlite3
import sys
import time
import uuid

INPUT = json.dumps({"prompt": "Graph this CSV file: monthly sales by region", "code": "print(" + "1 + " * 18 + "1)"})


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def insert(connection):
    now = int(time.time() * 1000)
    row = (str(uuid.uuid4()), "code_exec", "pending", INPUT, None, now, now)
    connection.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.commit()


def ask(connection):
    for _ in sys.stdin:
        at = time.time() * 1000
        insert(connection)
        say({"type": "inserted", "at": at})


def loop(connection, for_ms):
    sys.stdin.readline()
    waits, errors = [], 0
    end = time.monotonic() + for_ms / 1000
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            insert(connection)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            errors += 1
            connection.rollback()
        waits.append((time.monotonic() - began) * 1000)
    say({"type": "done", "figures": {"waits": waits, "errors": [errors]}})


def main():
    mode, file, for_ms = sys.argv[1:4]
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA synchronous = FULL")
    say({"type": "ready"})
    if mode == "ask":
        ask(connection)
    else:
        loop(connection, int(for_ms))


main()
