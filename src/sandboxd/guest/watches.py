"""Folders that the host watches: the kernel's inotify, one instance a watch, until it is given up or too much happens.

What is told is bounded by what the kernel keeps, and waits there while the host is behind."""

import ctypes
import errno
import json
import os
import stat
import struct

from . import frames
from .files import Refused, printable, resolve

# Half of what a room may have (share.py) is left to its programs.
MAX_WATCHES = 8
MAX_FOLDERS = 2_048
# Of what lies in a new folder before it could be watched.
MAX_FOUND = 10_000
# Enough for some hundred events, so that others have their turn.
READ = 16 * 1024

NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
MODIFY, ATTRIB, MOVED_FROM, MOVED_TO = 0x2, 0x4, 0x40, 0x80
CREATE, DELETE, DELETE_SELF, MOVE_SELF = 0x100, 0x200, 0x400, 0x800
OVERFLOW, IGNORED, IS_FOLDER = 0x4000, 0x8000, 0x40000000
ONLY_FOLDER, NO_LINK = 0x01000000, 0x02000000
KINDS = (
    (CREATE | MOVED_TO, "create"), (DELETE | DELETE_SELF, "remove"), (MOVED_FROM | MOVE_SELF, "rename"),
    (MODIFY, "write"), (ATTRIB, "chmod"),
)
BELOW = CREATE | DELETE | MODIFY | ATTRIB | MOVED_FROM | MOVED_TO | ONLY_FOLDER
EVENT = struct.Struct("iIII")

libc = ctypes.CDLL(None, use_errno=True)


class Watches:
    def __init__(self, agent):
        self.agent = agent
        self.by_name = {}

    def operations(self):
        return {"watch": self.watch, "unwatch": self.unwatch}

    def watch(self, header, _body):
        if len(self.by_name) >= MAX_WATCHES:
            raise Refused("resource_exhausted", f"a sandbox may have {MAX_WATCHES} folders watched")
        root = resolve(header["path"])
        if not stat.S_ISDIR(os.stat(root).st_mode):
            raise Refused("invalid_argument", f"path '{root}' is not a directory")
        self.by_name[header["watch"]] = Watch(self, header, root)

    def unwatch(self, header, _body):
        found = self.by_name.pop(header["watch"], None)
        if found is not None:
            found.close()
            self.agent.send({"kind": "reply", "id": found.request, "value": {}})
        return {}, b""

    def fail(self, name, refused):
        found = self.by_name.pop(name)
        found.close()
        self.agent.fail(found.request, refused.code, str(refused))


class Watch:
    def __init__(self, watches, header, root):
        self.watches = watches
        self.agent = watches.agent
        self.request, self.name = header["id"], header["watch"]
        self.is_recursive, self.has_entries = header["recursive"], header["entries"]
        self.root = root
        # Their paths below the root by the numbers that the kernel gave them.
        self.folders = {}
        self.source = open(checked(libc.inotify_init1(NONBLOCK_CLOEXEC), root), "rb", buffering=0)
        try:
            self.add("", BELOW | DELETE_SELF | MOVE_SELF)
            if self.is_recursive:
                self.add_below("")
        except BaseException:
            self.source.close()
            raise
        self.event("start", b"")
        self.agent.watch(self.source, self.on_events)

    def close(self):
        self.agent.unwatch(self.source)
        self.source.close()

    def add(self, path, mask):
        if len(self.folders) >= MAX_FOLDERS:
            raise Refused("resource_exhausted", f"more than {MAX_FOLDERS} folders cannot be watched")
        whole = os.path.join(self.root, path) if path else self.root
        self.folders[checked(libc.inotify_add_watch(self.source.fileno(), os.fsencode(whole), mask), whole)] = path

    def add_below(self, path):
        """Watches all folders below one that is watched; returns what was found there."""
        found, waiting = [], [path]
        while waiting:
            try:
                with os.scandir(os.path.join(self.root, waiting.pop())) as entries:
                    inside = [(os.path.relpath(one.path, self.root), one.is_dir(follow_symlinks=False)) for one in entries]
            except OSError:
                continue
            found += [name for name, _ in inside]
            for name, is_folder in inside:
                if is_folder and self.try_add(name):
                    waiting.append(name)
        return found

    def try_add(self, path):
        """False: it is no folder any more, or one that cannot be read."""
        try:
            self.add(path, BELOW | NO_LINK)
            return True
        except OSError:
            return False

    def forget_below(self, path):
        """It was moved away, and so are the folders in it."""
        for number, one in list(self.folders.items()):
            if one == path or one.startswith(path + "/"):
                libc.inotify_rm_watch(self.source.fileno(), number)
                del self.folders[number]

    def on_events(self):
        try:
            data = os.read(self.source.fileno(), READ)
        except BlockingIOError:
            return
        try:
            self.tell(self.taken(data))
        except Refused as refused:
            self.watches.fail(self.name, refused)

    def taken(self, data):
        """What happened, as (path, kind); folders that came or went are watched or forgotten."""
        at = 0
        while at < len(data):
            number, mask, _cookie, length = EVENT.unpack_from(data, at)
            at += EVENT.size
            name = os.fsdecode(data[at:at + length].rstrip(b"\0"))
            at += length
            if mask & OVERFLOW:
                raise Refused("resource_exhausted", "files changed faster than it could be told")
            folder = self.folders.get(number)
            if mask & IGNORED:
                self.folders.pop(number, None)
            # What happens to a folder itself is told by the one that it lies in.
            elif folder is not None and (name or folder == ""):
                path = os.path.join(folder, name)
                yield path, next(kind for bits, kind in KINDS if mask & bits)
                if self.is_recursive and mask & IS_FOLDER:
                    yield from self.follow(path, mask)

    def follow(self, path, mask):
        if mask & MOVED_FROM:
            self.forget_below(path)
        if mask & (CREATE | MOVED_TO) and self.try_add(path):
            found = self.add_below(path)
            if mask & CREATE:
                # It was made before the folder was watched, or told a second time.
                if len(found) > MAX_FOUND:
                    raise Refused("resource_exhausted", "files came faster than it could be told")
                yield from ((name, "create") for name in found)

    def tell(self, happened):
        lines, size = [], 0
        for path, kind in happened:
            line = json.dumps(self.told(path, kind)).encode("ascii")
            if size + len(line) + 1 > frames.MAX_BODY:
                self.event("files", b"\n".join(lines))
                lines, size = [], 0
            lines.append(line)
            size += len(line) + 1
        if lines:
            self.event("files", b"\n".join(lines))

    def told(self, path, kind):
        told = {"name": printable(path) or ".", "kind": kind}
        if self.has_entries:
            try:
                told["entry"] = self.agent.files.entry(os.path.join(self.root, path) if path else self.root)
            except OSError:
                pass
        return told

    def event(self, name, body):
        self.agent.send({"kind": "event", "id": self.request, "event": name, "more": False}, body)


def checked(number, path):
    if number >= 0:
        return number
    error = ctypes.get_errno()
    if error == errno.ENOSPC:
        raise Refused("resource_exhausted", "no more folders can be watched in this sandbox")
    raise OSError(error, os.strerror(error), path)
