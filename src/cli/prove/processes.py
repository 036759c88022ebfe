# Other processes and other powers.


def machine(given):
    names = collections.Counter(one["Name"] for one in statuses("/proc/[0-9]*/status").values())
    known = ("bwrap", "cat", "python", "Python")
    return [name for name in names if not name.startswith(known)][:8], f"only {sum(names.values())}: {', '.join(names)}"


def signals(given):
    pids = [pid for pid in given["pids"] if given["outside"] or not os.path.exists(f"/proc/{pid}")]
    return verdict({f"process {pid}": tried(os.kill, pid, 0) for pid in pids})


def child():
    """Sleeps; a victim for the controls."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        while True:
            time.sleep(1)
    return pid


def victim(given):
    return child() if given["outside"] else os.getppid()


def release(given, pid):
    if given["outside"]:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def trace(given):
    pid = victim(given)
    outcomes = {"attach": apart(lambda: call(given["calls"]["ptrace"], 16, pid, 0, 0)),
                "seize": apart(lambda: call(given["calls"]["ptrace"], 0x4206, pid, 0, 0))}
    release(given, pid)
    return verdict(outcomes)


def read_memory(given):
    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    pid, mine = victim(given), ctypes.create_string_buffer(64)
    address = ctypes.addressof(ctypes.create_string_buffer(64))
    here, there = Vector(ctypes.addressof(mine), 64), Vector(address, 64)
    outcomes = {name: tried(lambda: call(given["calls"][name], pid, here, 1, there, 1, 0))
                for name in ("process_vm_readv", "process_vm_writev")}
    release(given, pid)
    return verdict(outcomes)


def take_descriptor(given):
    pid = victim(given)
    handle = tried(lambda: os.pidfd_open(pid))
    outcome = tried(lambda: call(given["calls"]["pidfd_getfd"], os.pidfd_open(pid), 0 if given["outside"] else 3, 0))
    release(given, pid)
    return verdict({"the agent's socket": outcome if handle == "ok" else handle})


def agent_files(given):
    pid = victim(given)
    names = ["mem", "environ", "maps", "fd/3" if not given["outside"] else "fd/0", "auxv", "stack", "syscall", "io", "pagemap"]

    def look(name):
        descriptor = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_NONBLOCK)
        if name != "mem":
            os.read(descriptor, 8)
        os.close(descriptor)
    outcomes = {name: tried(look, name) for name in names}
    release(given, pid)
    return verdict(outcomes)


def seals(given):
    """Each thread of each process, those of bubblewrap included, whose memory may be written: there is no weaker neighbour."""
    zero = "0" * 16
    wanted = {"Seccomp": "2", "NoNewPrivs": "1", "CapEff": zero, "CapPrm": zero, "CapInh": zero, "CapAmb": zero, "CapBnd": zero}
    child = subprocess.Popen(["sh", "-c", "setsid sleep 5 & exec sleep 5"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.2)
    pattern = "/proc/self/task/[0-9]*/status" if given["outside"] else "/proc/[0-9]*/task/[0-9]*/status"
    found = statuses(pattern)
    own = found.get(f"/proc/{os.getpid()}/task/{os.getpid()}/status", {}).get("Seccomp_filters")
    got = []
    for path, one in found.items():
        # bubblewrap's own two processes keep a bounding set that nothing can draw from.
        names = wanted if one["Name"].startswith("python") else {name: wanted[name] for name in wanted if name != "CapBnd"}
        got += [f"{one['Name']} {one['Pid']}: {name} is {one.get(name)}" for name, value in names.items() if one.get(name) != value]
        if own is not None and int(one.get("Seccomp_filters", own)) < int(own):
            got.append(f"{one['Name']} {one['Pid']} has fewer filters")
    child.kill()
    return got[:8], f"{len(found)} threads have them all"


def setuid_program(given):
    """A program that belongs to root and says that it runs as root."""
    if given["outside"] and os.getuid() == 0:
        os.setresgid(64001, 64001, 64001)
        os.setresuid(64001, 64001, 64001)
    own, outcomes = os.getuid(), {}
    for path in ("/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount", "/usr/bin/newgrp", "/usr/bin/chsh"):
        if not os.path.exists(path) or not os.stat(path).st_mode & stat.S_ISUID:
            continue
        # It waits for its reader, so that it can be looked at.
        one = subprocess.Popen([path, "--help"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) if path != "/usr/bin/su" else subprocess.Popen([path, "-c", "true"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        effective = own
        for _ in range(50):
            try:
                effective = int(open(f"/proc/{one.pid}/status").read().split("Uid:\t")[1].split()[1])
            except (OSError, IndexError):
                break
            if effective != own:
                break
            time.sleep(0.002)
        one.kill()
        one.wait()
        outcomes[path] = "ok" if effective != own else "no effect"
    return verdict(outcomes)


def other_user(given):
    acts = {"uid": lambda: os.setuid(0), "all uids": lambda: os.setresuid(0, 0, 0), "gid": lambda: os.setgid(0),
            "groups": lambda: os.setgroups([0]), "another": lambda: os.setuid(12345)}
    outcomes = {name: apart(act) for name, act in acts.items()}

    def by_file():
        path = os.path.join(given["folder"], "owned")
        open(path, "w").close()
        os.chown(path, 0, 0)
    outcomes["a file of root's"] = tried(by_file) if not given["outside"] else "EPERM"
    return verdict(outcomes)


def file_powers(given):
    path = os.path.join(given["folder"], "powerful")
    open(path, "w").close()
    value = bytes.fromhex("0100000200002000000000000000000000000000")
    return verdict({"a capability on a file": tried(os.setxattr, path, "security.capability", value)})


def powers(given):
    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    def all_of_them():
        data = (ctypes.c_uint32 * 6)(*[0x20, 0x20, 0, 0, 0, 0])
        if libc.capset(ctypes.byref(Header(0x20080522, 0)), ctypes.byref(data)) != 0:
            raise OSError(ctypes.get_errno(), "")

    def control(*arguments):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "")
    return verdict({
        "capset": apart(all_of_them),
        "ambient": apart(control, 47, 2, 5, 0, 0) if not given["outside"] else "EPERM",
        "securebits": apart(control, 28, 1, 0, 0, 0),
    })


def no_new_privileges(given):
    outcome = apart(lambda: libc.prctl(38, 0, 0, 0, 0))
    now = libc.prctl(39, 0, 0, 0, 0)
    return ([] if now == 1 else ["they may be gained"]), f"it stays set ({outcome})"


def terminal(given):
    """Keys typed into somebody else's terminal."""
    import fcntl
    import pty
    outcomes = {"/dev/tty": tried(lambda: os.close(os.open("/dev/tty", os.O_RDWR))) if not given["outside"] else "ENXIO"}

    def typed(request, argument):
        _, slave = pty.openpty()
        os.setsid()
        fcntl.ioctl(slave, 0x540E, 0)
        fcntl.ioctl(slave, request, argument)
    for name, request, argument in (("TIOCSTI", 0x5412, b"x"), ("TIOCLINUX", 0x541C, b"\x03")):
        outcomes[name] = apart(typed, request, argument)
    return verdict(outcomes)


def line_discipline(given):
    """Drivers that nobody in a room needs, loaded by a setting of a terminal."""
    import fcntl
    import pty

    def set_line():
        _, slave = pty.openpty()
        fcntl.ioctl(slave, 0x5423, (0).to_bytes(4, "little"))
    return verdict({"TIOCSETD": apart(set_line)})


def priority(given):
    def realtime():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    return verdict({"nice -20": apart(lambda: os.setpriority(os.PRIO_PROCESS, 0, -20)), "real time": apart(realtime)})


def last_to_die(given):
    """When memory runs out, the kernel should end something else."""
    def lower():
        for value in (-1000, -900, -1):
            descriptor = os.open("/proc/self/oom_score_adj", os.O_RDWR)
            try:
                os.write(descriptor, str(value).encode())
                return
            except OSError as error:
                last = error
            finally:
                os.close(descriptor)
        raise last
    return verdict({"a lower score": apart(lower)})


def limits_up(given):
    import resource
    outcomes = {}
    for name in ("NPROC", "DATA", "NOFILE", "FSIZE", "CORE", "MEMLOCK"):
        kind = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(kind)
        more = hard + 1 if hard != resource.RLIM_INFINITY else resource.RLIM_INFINITY
        if hard == resource.RLIM_INFINITY:
            outcomes[f"{name} has none"] = "ok"
        else:
            outcomes[name] = apart(lambda: resource.setrlimit(kind, (more, more)))
    return verdict(outcomes)
