# Everything else that can be counted, and must be. What is told goes the way of the bombs (memory.py).


def locked(given):
    import mmap
    view = mmap.mmap(-1, 64 * MIB)
    address = ctypes.addressof(ctypes.c_char.from_buffer(view))

    def lock(size):
        if libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(size)) != 0:
            raise OSError(ctypes.get_errno(), "")
    return verdict({"64 MiB that cannot be swapped": apart(lock, 64 * MIB), "all": apart(lambda: libc.mlockall(3) and lock(32 * MIB) or lock(32 * MIB))})


def inodes(given):
    """Empty files have no size, but each is memory of the kernel's."""
    count, wanted = 0, given["files"]
    for folder in range(wanted // 20_000):
        place = os.path.join(given["folder"], f"inodes{folder}")
        os.mkdir(place)
        directory = os.open(place, os.O_RDONLY)
        for number in range(20_000):
            os.mknod(str(number), dir_fd=directory)
            count += 1
        os.close(directory)
        tell(count)
    keep(given)


def threads(given):
    """Threads are counted like processes."""
    stop, kept = threading.Event(), []
    # glibc takes no smaller one on aarch64.
    threading.stack_size(131072)
    try:
        for _ in range(2000):
            one = threading.Thread(target=stop.wait, daemon=True)
            one.start()
            kept.append(one)
    except RuntimeError:
        pass
    stop.set()
    return ([f"{len(kept)} threads"] if len(kept) > 200 else []), f"{len(kept)} threads, then no more"


def forks(given):
    """Bounded: it stops by itself at a thousand."""
    children = []
    try:
        for _ in range(1000):
            pid = os.fork()
            if pid == 0:
                time.sleep(8)
                os._exit(0)
            children.append(pid)
    except OSError:
        pass
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return ([f"{len(children)} processes"] if len(children) > 200 else []), f"{len(children)} processes, then no more"


def descriptors(given):
    kept = []
    try:
        for _ in range(20_000):
            kept.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    for one in kept:
        os.close(one)
    return ([f"{len(kept)} open files"] if len(kept) > 2000 else []), f"{len(kept)} open files, then no more"


def sparse(given):
    """A file that says that it has a tebibyte, and takes nothing."""
    path = os.path.join(given["folder"], "sparse")

    def grow(size):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with open(path, "wb") as file:
            file.truncate(size)
    outcome = apart(grow, 2**40)
    size = os.path.getsize(path) if os.path.exists(path) else 0
    if os.path.exists(path):
        os.unlink(path)
    return verdict({"a tebibyte": "ok" if size >= 2**40 else outcome})


def dumps(given):
    """A crash that leaves its memory on the disk."""
    import glob
    place = os.path.join(given["folder"], "crash")
    os.makedirs(place, exist_ok=True)
    pid = os.fork()
    if pid == 0:
        os.chdir(place)
        os.kill(os.getpid(), signal.SIGSEGV)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    return [f"{one} was dumped" for one in glob.glob(f"{place}/*core*")] + (["it says that it dumped"] if os.WCOREDUMP(status) else []), "it died and left nothing"


def processors(given):
    """Every process that can be had, each busy."""
    for _ in range(110):
        if os.fork() == 0:
            signal.alarm(6)
            while True:
                pass
    tell(1)
    time.sleep(5)


def watches(given):
    """Watching files is counted by user, and all rooms are one user."""
    kept = []
    while len(kept) < 4000:
        number = libc.inotify_init1(0)
        if number < 0:
            break
        kept.append(number)
        if len(kept) % 900 == 0:
            if os.fork() != 0:
                time.sleep(4)
                break
            for one in kept:
                os.close(one)
    tell(len(kept))
    time.sleep(3)


def one_watch(given):
    number = libc.inotify_init1(0)
    return ([] if number >= 0 else ["no file can be watched any more"]), "the others can still watch files"
