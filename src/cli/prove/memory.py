# Everything that can be used up. A bomb says how much it has, then waits, then says that it was allowed to keep it.
import threading

MIB = 2**20
WAIT = 3


def tell(count):
    print(f"\x01{count}\x01", flush=True)


def keep(given):
    time.sleep(given.get("wait", WAIT))
    print("\x01kept\x01", flush=True)


def fill(buffer):
    ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(buffer)), 1, len(buffer))


def anonymous(given):
    kept = []
    while len(kept) * 32 < given["mib"]:
        one = bytearray(32 * MIB)
        fill(one)
        kept.append(one)
        tell(len(kept) * 32)
    keep(given)


def shared(given):
    import mmap
    kept = []
    while len(kept) * 32 < given["mib"]:
        one = mmap.mmap(-1, 32 * MIB)
        fill(one)
        kept.append(one)
        tell(len(kept) * 32)
    keep(given)


def unmapped(given):
    """Shared memory that is out of sight once it is full: it stays, though no page of it is in any process."""
    import mmap
    kept = []
    while len(kept) * 32 < given["mib"]:
        kept.append(mmap.mmap(-1, 32 * MIB))
        fill(kept[-1])
        kept[-1].madvise(mmap.MADV_DONTNEED)
        tell(len(kept) * 32)
    keep(given)


def memfd(given):
    """Memory that is mapped nowhere."""
    block, kept = b"x" * (32 * MIB), []
    while len(kept) * 32 < given["mib"]:
        kept.append(os.memfd_create("bomb"))
        os.write(kept[-1], block)
        tell(len(kept) * 32)
    keep(given)


def disks(given):
    """All places that can be written, until each is full."""
    block, total = b"x" * MIB, 0
    for folder in ("/home/user", "/tmp", "/dev/shm", "/", "/home", "/dev", "/run", "/var/tmp", "/opt", "/etc"):
        for part in range(8):
            try:
                with open(os.path.join(folder, f"bomb{part}"), "wb", buffering=0) as file:
                    while total < given["mib"]:
                        total += file.write(block) / MIB
            except OSError:
                continue
        tell(int(total))
    keep(given)


def many(given):
    """Each takes a part that it may have."""
    each, children = 256, []
    for number in range(given["mib"] // each):
        pid = os.fork()
        if pid == 0:
            kept = bytearray(each * MIB)
            fill(kept)
            tell((number + 1) * each)
            time.sleep(given.get("wait", WAIT) + 2)
            os._exit(0)
        children.append(pid)
    time.sleep(given.get("wait", WAIT))
    if sum(os.waitpid(pid, os.WNOHANG)[0] == 0 for pid in children) == len(children):
        print("\x01kept\x01", flush=True)


def hare(given):
    """Memory that is handed from process to process, so that whoever counts comes late: each forks the next and ends."""
    import mmap
    reading, writing = os.pipe()
    if os.fork() == 0:
        kept, end = [], time.monotonic() + 9
        started = None
        while time.monotonic() < end:
            if len(kept) * 32 < given["mib"]:
                kept.append(mmap.mmap(-1, 32 * MIB))
                fill(kept[-1])
                tell(len(kept) * 32)
            elif started is None:
                started = time.monotonic()
            elif time.monotonic() - started > WAIT:
                os.write(writing, b"k")
                os._exit(0)
            if os.fork() != 0:
                os._exit(0)
        os._exit(0)
    os.close(writing)
    if os.read(reading, 1) == b"k":
        print("\x01kept\x01", flush=True)


def page_tables(given):
    """One byte read of every two mebibytes: no memory of its own is had, but the kernel's tables grow."""
    import mmap
    count = given["mib"] * 256
    view = mmap.mmap(-1, count * 2 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot=mmap.PROT_READ)
    view.madvise(15)
    for place in range(0, count):
        view[place * 2 * MIB]
        if place % 8192 == 8191:
            tell((place + 1) // 256)
    keep(given)


def socket_buffers(given):
    """What was sent and not yet read lies in the kernel. Nobody sees it in a process."""
    import socket
    total, reading, writing = 0, *os.pipe()
    for number in range(8):
        pid = os.fork()
        if pid == 0:
            kept, had = [], 0
            try:
                while True:
                    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
                    kept.append(pair)
                    for one in pair:
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
                        one.setblocking(False)
                        try:
                            while had < given["mib"] * MIB // 8:
                                had += one.send(b"x" * 32768)
                        except BlockingIOError:
                            pass
                    if had >= given["mib"] * MIB // 8:
                        break
            except OSError:
                pass
            os.write(writing, f"{had // MIB}\n".encode())
            time.sleep(given.get("wait", WAIT) + 1)
            os._exit(0)
    file = os.fdopen(reading)
    for _ in range(8):
        total += int(file.readline() or 0)
        tell(total)
    keep(given)


def pipes(given):
    import fcntl
    total, kept = 0, []
    try:
        while total < given["mib"] * MIB:
            reading, writing = os.pipe2(os.O_NONBLOCK)
            kept.append((reading, writing))
            try:
                fcntl.fcntl(writing, 1031, MIB)
            except OSError:
                pass
            try:
                while True:
                    total += os.write(writing, b"x" * 65536)
            except BlockingIOError:
                pass
            if len(kept) % 64 == 0:
                tell(total // MIB)
    except OSError as error:
        print(error)
    tell(total // MIB)
    if total > 128 * MIB:
        keep(given)
