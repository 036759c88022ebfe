# Parts of the kernel that no program in a room needs, each called as it is meant to be called.

NAMESPACES = {"mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000, "pid": 0x20000000,
              "net": 0x40000000, "time": 0x80}


def new_namespaces(given):
    calls, outcomes = given["calls"], {}
    for name, flag in NAMESPACES.items():
        outcomes[f"unshare {name}"] = apart(lambda: call(calls["unshare"], flag))
        if name != "time":
            outcomes[f"clone {name}"] = apart(lambda: call(calls["clone"], flag | signal.SIGCHLD, 0, 0, 0, 0) or os._exit(0))

    class Arguments(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint64) for name in ("flags", "pidfd", "child", "parent", "signal", "stack", "size", "tls", "tids", "count", "cgroup")]
    wanted = Arguments(flags=NAMESPACES["user"], signal=signal.SIGCHLD)
    outcomes["clone3 user"] = apart(lambda: call(calls["clone3"], wanted, ctypes.sizeof(wanted)) or os._exit(0))
    return verdict(outcomes)


def fresh_program(given):
    """The filter must outlive an exec: programs that do nothing but what is forbidden."""
    programs = {"unshare": ["unshare", "-Ur", "true"], "nsenter": ["nsenter", "-t", "1", "-U", "true"], "setpriv": ["setpriv", "--reuid", "0", "true"]}
    outcomes = {}
    for name, command in programs.items():
        try:
            done = subprocess.run(command, capture_output=True, text=True)
            outcomes[name] = "ok" if done.returncode == 0 else done.stderr.strip().split(": ")[-1]
        except OSError as error:
            outcomes[name] = os.strerror(error.errno)
    return verdict(outcomes)


def join_namespaces(given):
    calls, outcomes = given["calls"], {}
    pid = 1 if not given["outside"] else os.getpid()
    for name in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup"):
        outcomes[name] = apart(lambda: call(calls["setns"], os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY), 0))
    outcomes["by a handle"] = apart(lambda: call(calls["setns"], os.pidfd_open(os.getppid()), NAMESPACES["mount"]))
    return verdict(outcomes)


def mounts(given):
    """Outside: in a mount namespace of its own, so that nothing is left."""
    calls, place = given["calls"], os.path.join(given["folder"], "mounted")
    os.makedirs(place, exist_ok=True)

    def attempt(*arguments):
        if given["outside"]:
            call(calls["unshare"], NAMESPACES["mount"])
            call(calls["mount"], b"none\0", b"/\0", 0, 0x44000, 0)
        call(calls["mount"], *arguments)
    name = place.encode() + b"\0"
    outcomes = {"a tmpfs": apart(attempt, b"tmpfs\0", name, b"tmpfs\0", 0, 0), "a bind": apart(attempt, b"/usr\0", name, 0, 4096, 0)}
    if not given["outside"]:
        outcomes["/usr, writable"] = apart(attempt, b"none\0", b"/usr\0", 0, 4096 | 32, 0)
        outcomes["a new /proc"] = apart(attempt, b"proc\0", name, b"proc\0", 0, 0)
        outcomes["/etc away"] = apart(lambda: call(calls["umount2"], b"/etc\0", 2))
    return verdict(outcomes)


def new_mounts(given):
    """The newer interface does the same without mount()."""
    calls = given["calls"]
    return verdict({
        "fsopen": apart(lambda: call(calls["fsopen"], b"tmpfs\0", 0)),
        "open_tree": apart(lambda: call(calls["open_tree"], -100, b"/usr\0", 1)),
        "mount_setattr": apart(lambda: call(calls["mount_setattr"], -100, b"/usr\0", 0, (0).to_bytes(32, "little"), 32)),
    })


def rings(given):
    return verdict({"io_uring": tried(lambda: call(given["calls"]["io_uring_setup"], 4, ctypes.create_string_buffer(120)))})


def page_faults(given):
    return verdict({"userfaultfd": tried(lambda: call(given["calls"]["userfaultfd"], 0o2000000 | 1))})


def programs(given):
    """A map of eBPF, and a program that does nothing."""
    kind = b"".join(value.to_bytes(4, "little") for value in (2, 4, 4, 1)) + bytes(104)
    code = ctypes.create_string_buffer(bytes.fromhex("b7000000000000009500000000000000"))
    license = ctypes.create_string_buffer(b"GPL")
    load = (1).to_bytes(4, "little") + (2).to_bytes(4, "little") + ctypes.addressof(code).to_bytes(8, "little") + ctypes.addressof(license).to_bytes(8, "little") + bytes(96)
    return verdict({"a map": tried(lambda: call(given["calls"]["bpf"], 0, ctypes.create_string_buffer(kind), 72)),
                    "a program": tried(lambda: call(given["calls"]["bpf"], 5, ctypes.create_string_buffer(load), 72))})


def counters(given):
    settings = (1).to_bytes(4, "little") + (112).to_bytes(4, "little") + bytes(32) + (0x61).to_bytes(8, "little") + bytes(64)
    buffer = ctypes.create_string_buffer(settings, 112)
    return verdict({"perf": tried(lambda: call(given["calls"]["perf_event_open"], buffer, 0, -1, -1, 0))})


def keys(given):
    calls = given["calls"]
    return verdict({"a key": apart(lambda: call(calls["add_key"], b"user\0", b"proof\0", b"x", 1, -2)),
                    "a ring": apart(lambda: call(calls["keyctl"], 0, -3, 1))})


def shared_by_number(given):
    """System V's and POSIX's ways to share: they outlive processes, and no limit of a room counts them."""
    calls = given["calls"]
    outcomes = {"memory": tried(lambda: libc_removed(call(calls["shmget"], 0, 4096, 0o1600), calls["shmctl"])),
                "a queue": tried(lambda: libc_removed(call(calls["msgget"], 0, 0o1600), calls["msgctl"])),
                "a POSIX queue": tried(lambda: os.close(call(calls["mq_open"], b"proof\0", 0o100 | 2, 0o600, 0)) or call(calls["mq_unlink"], b"proof\0"))}
    return verdict(outcomes)


def libc_removed(number, control):
    call(control, number, 0, 0)


def tables(given):
    """Segments of the processor's own tables."""
    entry = (0).to_bytes(4, "little") + (0).to_bytes(4, "little") + (0xFFFF).to_bytes(4, "little") + (0x51).to_bytes(4, "little")
    if "modify_ldt" not in given["calls"]:
        return [], "this processor has none"
    return verdict({"modify_ldt": apart(lambda: call(given["calls"]["modify_ldt"], 1, ctypes.create_string_buffer(entry), 16))})


def old_personalities(given):
    flags = {"fixed addresses": 0x40000, "readable is executable": 0x400000, "page zero": 0x100000}
    return verdict({name: apart(lambda: call(given["calls"]["personality"], flag)) for name, flag in flags.items()})


def modules(given):
    path = os.path.join(given["folder"], "module.ko")
    with open(path, "wb") as file:
        file.write(b"\x7fELF" + bytes(60))
    outcomes = {"a file": tried(lambda: call(given["calls"]["finit_module"], os.open(path, os.O_RDONLY), b"\0", 0)),
                "bytes": tried(lambda: call(given["calls"]["init_module"], b"\x7fELF" + bytes(60), 64, b"\0"))}
    # No module: the kernel has looked at it, and that is what must not happen.
    return verdict({name: "ok" if one in ("ENOEXEC", "EINVAL") else one for name, one in outcomes.items()})


def log(given):
    return verdict({"the kernel's log": tried(lambda: call(given["calls"]["syslog"], 3, ctypes.create_string_buffer(256), 255))})


def laxer_filter(given):
    """A second filter that allows everything, in the hope that the last word counts."""
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_void_p)]
    lines = ctypes.create_string_buffer(bytes.fromhex("060000000000ff7f"), 8)

    def lay():
        libc.prctl(38, 1, 0, 0, 0)
        if libc.prctl(22, 2, ctypes.byref(Program(1, ctypes.addressof(lines))), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "")
        call(given["calls"]["unshare"], NAMESPACES["user"])
    return verdict({"a namespace after it": apart(lay)})


def madvised(given):
    """Another process's memory pushed out, and files of it compared: what observers do."""
    calls = given["calls"]
    pid = os.getppid()
    return verdict({"kcmp": tried(lambda: call(calls["kcmp"], os.getpid(), pid, 2, 0, 0)),
                    "process_madvise": tried(lambda: call(calls["process_madvise"], os.pidfd_open(pid), ctypes.create_string_buffer(16), 0, 20, 0))})
