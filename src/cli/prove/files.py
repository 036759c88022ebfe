# The machine's files, from inside of a room.


def by_name(given):
    return verdict({path: tried(os.lstat, path) for path in given["paths"]})


def by_identity(given):
    """Whatever it is called here: each file's device and number against those of the machine's."""
    wanted = {(device, number): name for device, number, name in given["identities"]}
    found, count = set(), 0
    for folder, folders, names in os.walk(given["top"]):
        if folder == "/":
            folders[:] = [one for one in folders if one != "proc"]
        for name in [".", *names]:
            try:
                info = os.lstat(os.path.join(folder, name))
            except OSError:
                continue
            count += 1
            if (info.st_dev, info.st_ino) in wanted:
                found.add(wanted[info.st_dev, info.st_ino])
    return sorted(found), f"none of {len(wanted)} among {count} files"


def change(path):
    if os.path.isdir(path):
        name = os.path.join(path, "planted")
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
        os.unlink(name)
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND))


def system(given):
    outcomes = {path: tried(change, path) for path in given["system"] if os.path.exists(path)}
    for path in given["system"]:
        outcomes[f"the mode of {path}"] = tried(lambda: os.chmod(path, 0o777)) if os.path.exists(path) else "ENOENT"
    return verdict(outcomes)


def running_program(given):
    """A program that runs cannot be written, but once it has ended, a descriptor of it could be opened again for writing."""
    programs = [given["program"], *(f"/proc/{pid}/exe" for pid in os.listdir("/proc") if pid.isdigit() and not given["outside"])]
    outcomes = {}
    for path in programs:
        def again():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.close(os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR))
            finally:
                os.close(descriptor)
        outcomes[path] = tried(again)
    return verdict(outcomes)


def other_roots(given):
    """The root, the place and the descriptors of each process that can be seen: does one lead out?"""
    own, got, count = set(os.listdir("/")), [], 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for door in ("root", "cwd", "root/..", "cwd/../../../../.."):
            try:
                names = set(os.listdir(f"/proc/{pid}/{door}"))
            except OSError:
                continue
            count += 1
            if door != "cwd" and not names <= own:
                got.append(f"/proc/{pid}/{door}: {sorted(names - own)[:5]}")
    return got, f"{count} doors lead to the same room"


def left_open(given):
    """A folder that was left open leads out, whatever the root is."""
    if given["outside"]:
        os.dup2(os.open(given["folder"], os.O_RDONLY), 9)
    code = "import os,stat\nfor n in range(1024):\n    try: s=os.fstat(n)\n    except OSError: continue\n    print(n, oct(stat.S_IFMT(s.st_mode)), os.readlink('/proc/self/fd/%d'%n))"
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, close_fds=False, text=True, stdin=subprocess.DEVNULL).stdout
    got = [f"a new program has {line}" for line in fresh.splitlines() if int(line.split()[0]) > 2 and "0o40000" in line or "0o100000" in line]
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            info = os.fstat(number)
        except OSError:
            continue
        if number < 3:
            continue
        if stat.S_ISDIR(info.st_mode):
            above = os.open("../..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=number)
            got.append(f"{number} is a folder, above it {os.listdir(above)[:3]}")
            os.close(above)
        elif stat.S_ISREG(info.st_mode) and not os.readlink(f"/proc/self/fd/{number}").startswith(("/tmp/", "/home/user")):
            got.append(f"{number} is {os.readlink(f'/proc/self/fd/{number}')}")
    return got, f"a new program has {len(fresh.splitlines())} descriptors"


def out_of_chroot(given):
    """The oldest way out of a changed root: change it once more, and climb."""
    def climb():
        inner = os.path.join(given["folder"], "inner")
        os.makedirs(inner, exist_ok=True)
        os.chroot(inner)
        for _ in range(64):
            os.chdir("..")
        os.chroot(".")
    return verdict({"a second root": apart(climb)})


def by_handle(given):
    """A file of the same disk by its number, past all folders (the way of “shocker”)."""
    class Handle(ctypes.Structure):
        _fields_ = [("bytes", ctypes.c_uint), ("kind", ctypes.c_int), ("value", ctypes.c_ubyte * 128)]

    def take():
        handle, mount = Handle(128, 0), ctypes.c_int()
        place = given["folder"] if given["outside"] else "/usr"
        pointer = ctypes.addressof(mount)
        call(given["calls"]["name_to_handle_at"], -100, place.encode() + b"\0", handle, pointer, 0)
        directory = os.open(place, os.O_RDONLY)
        call(given["calls"]["open_by_handle_at"], directory, handle, os.O_RDONLY)
    return verdict({"a file by its handle": tried(take)})


def through_proc(given):
    """What /proc tells of the whole machine."""
    def first(path):
        with open(path, "rb") as file:
            if not file.read(64):
                raise OSError(errno.ENODATA, "empty")
    secret = ["kcore", "kmsg", "kpagecount", "kpageflags", "slabinfo", "vmallocinfo", "timer_list", "sched_debug", "keys", "key-users"]
    outcomes = {name: tried(first, f"/proc/{name}") for name in secret}

    def addresses():
        with open("/proc/kallsyms") as file:
            if all(int(line.split()[0], 16) == 0 for line, _ in zip(file, range(200))):
                raise OSError(errno.EACCES, "all zero")
    outcomes["the kernel's addresses"] = tried(addresses)
    return verdict(outcomes)


def switches(given):
    """They are opened, never written; the two that everybody may open get their own content again."""
    names = ["kernel/core_pattern", "kernel/modprobe", "kernel/hotplug", "kernel/sysrq", "kernel/randomize_va_space",
             "fs/suid_dumpable", "vm/drop_caches", "vm/overcommit_memory", "net/ipv4/ip_forward"]
    paths = [f"/proc/sys/{name}" for name in names] + ["/proc/sysrq-trigger", "/sys/kernel/uevent_helper"]
    outcomes = {path: tried(lambda: os.close(os.open(path, os.O_WRONLY))) for path in paths}

    def write_again(path):
        descriptor = os.open(path, os.O_RDWR)
        os.write(descriptor, os.read(descriptor, 4096))
        os.close(descriptor)
    if not given["outside"]:
        outcomes.update({path: tried(write_again, path) for path in ("/proc/sys/kernel/ns_last_pid", "/proc/1/uid_map", "/proc/self/uid_map")})
    return verdict(outcomes)


def devices(given):
    allowed = {"null", "zero", "full", "random", "urandom", "tty", "ptmx"}
    got = []
    for folder, _, names in os.walk("/dev"):
        for name in names:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            is_device = stat.S_ISBLK(mode) or stat.S_ISCHR(mode) and name not in allowed and folder != "/dev/pts"
            if is_device:
                got.append(path)
    return got, f"only {len(os.listdir('/dev'))} harmless names"


def device_nodes(given):
    """The disk, the memory and even the harmless null device, made anew."""
    def make(kind, major, minor):
        path = os.path.join(given["folder"], f"node{major}_{minor}")
        os.mknod(path, kind | 0o600, os.makedev(major, minor))
        os.unlink(path)
    return verdict({
        "null": tried(make, stat.S_IFCHR, 1, 3),
        "memory": tried(make, stat.S_IFCHR, 1, 1),
        "a disk": tried(make, stat.S_IFBLK, 254, 0),
        "a tunnel": tried(make, stat.S_IFCHR, 10, 200),
    })


def mount_table(given):
    text = ""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("mountinfo", "mounts", "mountstats"):
            try:
                with open(f"/proc/{pid}/{name}") as file:
                    text += file.read()
            except OSError:
                continue
    return [place for place in given["places"] if place in text], f"none of {len(given['places'])} places in {len(text)} characters"


def mapped_library(given):
    """A file that is mapped for reading, written past its protection (the way of “Dirty COW”)."""
    if given["outside"]:
        path = os.path.join(given["folder"], "mapped")
        with open(path, "wb") as file:
            file.write(b"\x7fELF" + b"\0" * 4096)
        import mmap
        with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
            view[:4] = b"XELF"
        address = None
    else:
        lines = [line.split() for line in open("/proc/self/maps")]
        line = next(one for one in lines if len(one) > 5 and "libc" in one[5] and one[2] == "00000000")
        path, address = line[5], int(line[0].split("-")[0], 16)

        def write():
            memory = os.open("/proc/self/mem", os.O_RDWR)
            os.pwrite(memory, b"X", address)
        apart(write)
    with open(path, "rb") as file:
        return ([f"{path} was changed"] if file.read(4) != b"\x7fELF" else []), "only the writer's own copy changed"


def spliced_page(given):
    """A page of a file in a pipe, and then written there (the way of “Dirty Pipe”). The file is the room's own copy."""
    path = "/etc/passwd"
    with open(path, "rb") as file:
        before = file.read()
    reading, writing = os.pipe()
    os.write(writing, b"x" * 65536)
    os.read(reading, 65536)
    descriptor = os.open(path, os.O_RDONLY)
    outcome = tried(lambda: (os.splice(descriptor, writing, 1, offset_src=0), os.write(writing, b"X")))
    with open(path, "rb") as file:
        return ([f"{path} was changed"] if file.read() != before else []), f"the file is as it was ({outcome})"


def hard_link(given):
    """A second name for a file of the machine, in a folder where one may write."""
    target = os.path.join(given["folder"], "second")
    sources = [given["program"], "/usr/bin/env", "/etc/ld.so.cache"] if not given["outside"] else [given["program"]]
    outcomes = {one: tried(os.link, one, target) for one in sources if os.path.exists(one)}
    if os.path.exists(target):
        os.unlink(target)
    return verdict(outcomes)


def leave(given):
    for folder in ("/tmp", "/home/user", "/dev/shm"):
        with open(f"{folder}/{given['mark']}", "w") as file:
            file.write("private")
    return [], "left"


def look(given):
    import glob
    return sorted(glob.glob(f"/*/{given['mark']}") + glob.glob(f"/*/*/{given['mark']}")), "the other sandbox's files are not there"
