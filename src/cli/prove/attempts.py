# Makes each system call of `attempts` in a process of its own and prints what became of it: an errno, 0, or minus a signal.
import ctypes
import json
import mmap
import os
import signal
import struct
import tempfile

libc = ctypes.CDLL(None, use_errno=True)


def call(number, arguments):
    ctypes.set_errno(0)
    words = [ctypes.c_ulong(int(one) % 2**64) for one in arguments]
    return ctypes.get_errno() if libc.syscall(ctypes.c_long(number), *words) == -1 else 0


def call_as_i386():
    """getpid by `int 0x80`, the door of 32-bit programs."""
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    ctypes.CFUNCTYPE(ctypes.c_long)(address)()
    return 0


def become_arm():
    """A whole 32-bit program: on aarch64 there is no other door. It calls getpid, then exit."""
    code = struct.pack("<5I", 0xE3A07014, 0xEF000000, 0xE3A00000, 0xE3A07001, 0xEF000000)
    base, heads = 0x10000, 52 + 32
    head = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 2, 40, 1, base + heads, 52, 0, 0x05000000, 52, 32, 1, 0, 0, 0)
    segment = struct.pack("<8I", 1, 0, base, base, heads + len(code), heads + len(code), 5, base)
    descriptor, path = tempfile.mkstemp()
    os.write(descriptor, head + segment + code)
    os.fchmod(descriptor, 0o700)
    os.close(descriptor)
    try:
        os.execv(path, [path])
    except OSError as error:
        return error.errno


CALLS_OF_32_BITS = {"x86_64": call_as_i386, "aarch64": become_arm}


def outcome(act, *arguments):
    pid = os.fork()
    if pid == 0:
        # A call that waits for ever was allowed as well.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 1)
        os._exit(act(*arguments))
    status = os.waitpid(pid, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main(attempts):
    found = [outcome(call, number, arguments) for number, arguments in attempts]
    print(json.dumps({"found": found, "by32Bits": outcome(CALLS_OF_32_BITS[os.uname().machine])}))
