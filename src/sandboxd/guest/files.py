"""The files of a room, as the host asks for them: one request, one answer, at most 1 MiB of bytes each.

Paths are the room's own: a link can lead nowhere but to another place in the room. Nothing here blocks on a FIFO."""

import errno
import grp
import json
import os
import pwd
import shutil
import stat
import time

from . import frames, labels

HOME = "/home/user"
MAX_OPEN = 64
MAX_ENTRIES = 20_000
# What a client can read: years of four digits. A file may bear any other one.
OLDEST, NEWEST = -30_610_224_000, 253_402_300_799


class Refused(Exception):
    """A request that cannot be done; `code` is one of Connect's error codes."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def explain(error):
    """An OSError as (code, message)."""
    name = error.filename if isinstance(error.filename, str) else ""
    if error.errno in (errno.ENOENT, errno.ENXIO):
        return "not_found", f"path '{name}' does not exist"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "no_space", "not enough disk space in the sandbox"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "permission_denied", f"'{name}' may not be changed or read: {error.strerror}"
    if error.errno in (errno.EAGAIN, errno.EMFILE, errno.ENFILE):
        return "resource_exhausted", "the sandbox has too many processes or open files"
    if error.errno == errno.EEXIST:
        return "already_exists", f"path '{name}' already exists"
    return "invalid_argument", f"{error.strerror or error}: '{name}'"


def resolve(path):
    if not isinstance(path, str) or "\0" in path:
        raise Refused("invalid_argument", "the path is not valid")
    if path == "~" or path.startswith("~/"):
        path = HOME + path[1:]
    return os.path.normpath(os.path.join(HOME, path))


class Files:
    def __init__(self):
        self.open_files = {}
        self.next_handle = 1
        self.labels = labels.Labels()

    def operations(self):
        return {
            "stat": self.stat,
            "list": self.list,
            "makeDir": self.make_dir,
            "move": self.move,
            "remove": self.remove,
            "openRead": self.open_read,
            "openWrite": self.open_write,
            "read": self.read,
            "write": self.write,
            "close": self.close,
        }

    def stat(self, header, _body):
        return self.entry(resolve(header["path"])), b""

    def list(self, header, _body):
        """Entries go as JSON in the body, many to a frame; `next` says where to go on."""
        root = resolve(header["path"])
        info = os.stat(root)
        if not stat.S_ISDIR(info.st_mode):
            raise Refused("invalid_argument", f"path '{root}' is not a directory")
        entries = []
        self.walk(root, header["depth"], entries)
        lines, size, index = [], 0, header["from"]
        while index < len(entries):
            line = json.dumps(entries[index]).encode("ascii")
            if size + len(line) + 1 > frames.MAX_BODY:
                break
            lines.append(line)
            size += len(line) + 1
            index += 1
        return {"next": index if index < len(entries) else None}, b"\n".join(lines)

    def make_dir(self, header, _body):
        path = resolve(header["path"])
        if os.path.isdir(path):
            raise Refused("already_exists", f"directory '{path}' already exists")
        try:
            os.makedirs(path)
        except FileExistsError:
            raise Refused("invalid_argument", f"path '{path}' already exists but it is not a directory") from None
        return self.entry(path), b""

    def move(self, header, _body):
        source, destination = resolve(header["source"]), resolve(header["destination"])
        noted = self.labels.of(os.lstat(source))
        os.makedirs(os.path.dirname(destination), exist_ok=True)
        try:
            os.rename(source, destination)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.move(source, destination)
            self.labels.set(os.lstat(destination), noted)
        return self.entry(destination), b""

    def remove(self, header, _body):
        path = resolve(header["path"])
        try:
            if stat.S_ISDIR(os.lstat(path).st_mode):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        except FileNotFoundError:
            # It is as it was to be.
            pass
        return {}, b""

    def open_read(self, header, _body):
        path = resolve(header["path"])
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            os.close(descriptor)
            what = "is a directory" if stat.S_ISDIR(info.st_mode) else "is not a regular file"
            raise Refused("invalid_argument", f"path '{path}' {what}")
        return {"handle": self.keep(descriptor), "size": info.st_size}, b""

    def open_write(self, header, _body):
        path = resolve(header["path"])
        if os.path.isdir(path):
            raise Refused("invalid_argument", f"path '{path}' is a directory")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        descriptor = os.open(path, flags, 0o644)
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            os.close(descriptor)
            raise Refused("invalid_argument", f"path '{path}' is not a regular file")
        os.ftruncate(descriptor, 0)
        self.labels.set(info, header.get("metadata"))
        return {"handle": self.keep(descriptor), "path": path, "name": os.path.basename(path)}, b""

    def keep(self, descriptor):
        if len(self.open_files) >= MAX_OPEN:
            os.close(descriptor)
            raise Refused("resource_exhausted", "too many files are being transferred at once")
        handle = self.next_handle
        self.next_handle += 1
        self.open_files[handle] = descriptor
        return handle

    def read(self, header, _body):
        return {}, os.read(self.open_files[header["handle"]], frames.MAX_BODY)

    def write(self, header, body):
        view = memoryview(body)
        while view:
            view = view[os.write(self.open_files[header["handle"]], view):]
        return {}, b""

    def close(self, header, _body):
        descriptor = self.open_files.pop(header["handle"], None)
        if descriptor is not None:
            os.close(descriptor)
        return {}, b""

    def walk(self, root, depth, entries):
        for name in sorted(os.listdir(root)):
            if len(entries) >= MAX_ENTRIES:
                raise Refused("resource_exhausted", f"the folder has more than {MAX_ENTRIES} entries")
            path = os.path.join(root, name)
            try:
                one = self.entry(path)
            except OSError:
                continue
            entries.append(one)
            if depth > 1 and one["type"] == "dir" and "target" not in one:
                self.walk(path, depth - 1, entries)

    def entry(self, path):
        """What E2B calls EntryInfo; names that are not UTF-8 are shown with replacement characters."""
        info = os.lstat(path)
        is_link = stat.S_ISLNK(info.st_mode)
        kind = file_type(path, info)
        shown = {
            "name": printable(os.path.basename(path)),
            "path": printable(path),
            "type": kind,
            "size": info.st_size,
            "mode": stat.S_IMODE(info.st_mode),
            "permissions": stat.filemode(info.st_mode),
            "owner": owner(pwd.getpwuid, info.st_uid),
            "group": owner(grp.getgrgid, info.st_gid),
            "modified": moment(info.st_mtime_ns),
        }
        noted = self.labels.of(info)
        if noted:
            shown["metadata"] = noted
        if is_link:
            shown["target"] = printable(os.path.realpath(path))
        return shown


def moment(nanoseconds):
    seconds = min(max(nanoseconds // 10**9, OLDEST), NEWEST)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanoseconds % 10**9:09d}Z"


def file_type(path, info):
    """A link has the type of what it leads to, as in E2B; a broken one is a "symlink"."""
    if stat.S_ISLNK(info.st_mode):
        try:
            info = os.stat(path)
        except OSError:
            return "symlink"
    return "dir" if stat.S_ISDIR(info.st_mode) else "file" if stat.S_ISREG(info.st_mode) else "other"


def printable(text):
    return os.fsencode(text).decode("utf-8", "replace")


def owner(find, number):
    try:
        return find(number)[0]
    except KeyError:
        return str(number)
