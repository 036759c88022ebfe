# Secrets that were put all over the machine beforehand: each is looked for wherever a room can look.


def names_in(data, wanted):
    return {name for name, secret in wanted.items() if secret in data}


def whole_tree(given):
    """Every file that was made or changed since the secrets were: an older one cannot hold them."""
    wanted = {name: unveil(one) for name, one in given["secrets"].items()}
    found, read, seen = set(), 0, 0
    for folder, folders, names in os.walk(given["top"]):
        if folder == "/":
            folders[:] = [one for one in folders if one != "proc"]
        for name in names:
            path = os.path.join(folder, name)
            seen += 1
            try:
                info = os.lstat(path)
                found |= names_in(os.fsencode(path), wanted)
                if info.st_ctime < given["since"] or not stat.S_ISREG(info.st_mode):
                    continue
                with open(path, "rb") as file:
                    read += 1
                    found |= names_in(file.read(64 * 2**20), wanted)
            except OSError:
                continue
    return sorted(found), f"none of {len(wanted)} secrets; {seen} files seen, {read} young enough read"


SHUN = {"kcore", "kmsg", "kpagecount", "kpageflags", "kpagecgroup", "sysrq-trigger", "clear_refs", "mem", "pagemap", "task", "acpi", "bus"}


def through_processes(given):
    wanted = {name: unveil(one) for name, one in given["secrets"].items()}
    found, count = set(), 0
    for folder, folders, names in os.walk("/proc"):
        folders[:] = [one for one in folders if one not in SHUN and one not in ("map_files", "sys", "irq", "fs", "driver")]
        if given["outside"]:
            folders[:] = [one for one in folders if one.isdigit()] if folder == "/proc" else []
            names = [one for one in names if one in ("environ", "cmdline")]
        for name in names:
            if name in SHUN:
                continue
            try:
                descriptor = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                continue
            try:
                found |= names_in(os.read(descriptor, 4 * 2**20), wanted)
                count += 1
            except OSError:
                pass
            finally:
                os.close(descriptor)
    return sorted(found), f"none in {count} files of /proc"


# A process of its own looks: in its parent the secrets are veiled only. It gets them, veiled, on its standard input.
READER = """
import json, os, sys
given = json.load(sys.stdin)
wanted = {name: bytes(b ^ 0x55 for b in bytes.fromhex(one)) for name, one in given["secrets"].items()}
found, total, opened = set(), 0, []
pids = [os.getppid()] if given["outside"] else [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]
for pid in pids:
    try:
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        lines = open(f"/proc/{pid}/maps").read().splitlines()
    except OSError:
        continue
    opened.append(pid)
    for line in lines:
        place, mode, *_ = line.split()
        start, end = (int(one, 16) for one in place.split("-"))
        if "r" not in mode or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
            continue
        while start < end:
            try:
                piece = os.pread(memory, min(end - start, 8 << 20), start)
            except (OSError, OverflowError):
                break
            if not piece:
                break
            total += len(piece)
            found |= {name for name, one in wanted.items() if one in piece}
            start += max(1, len(piece) - 64) if len(piece) == 8 << 20 else len(piece)
print(json.dumps([sorted(found), f"none in {total >> 20} MiB of {len(opened)} processes"]))
"""


def in_memory(given):
    wanted = json.dumps({"secrets": given["secrets"], "outside": given["outside"]})
    said = subprocess.run([sys.executable, "-c", READER], input=wanted, capture_output=True, text=True)
    return tuple(json.loads(said.stdout)) if said.returncode == 0 else ([said.stderr[-300:]], "")


def given_back(given):
    """Fresh memory and a fresh file: is what another sandbox had in them still there?"""
    import mmap
    wanted = {name: unveil(one) for name, one in given["secrets"].items()}
    found = set()
    for flags in (mmap.MAP_PRIVATE, mmap.MAP_SHARED):
        with mmap.mmap(-1, 128 * 2**20, flags=flags | 0x4000000 | mmap.MAP_ANONYMOUS) as fresh:
            found |= names_in(fresh[:], wanted)
    path = os.path.join(given["folder"], "grown")
    with open(path, "wb+") as file:
        os.posix_fallocate(file.fileno(), 0, 64 * 2**20)
        found |= names_in(file.read(), wanted)
    os.unlink(path)
    return sorted(found), "256 MiB of memory and 64 MiB of disk were empty"


def machine_name(given):
    import socket
    told = [socket.gethostname(), *os.uname()]
    for path in ("/etc/hostname", "/etc/machine-id", "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname", "/etc/hosts"):
        try:
            told.append(open(path).read().strip())
        except OSError:
            continue
    return [one for one in [given["hostname"]] if any(one in text.split() for text in told)], f"it is called {told[0]}"


def accounts(given):
    import grp
    import pwd
    known = {"root", "user", "nobody", "nogroup"}
    names = {one.pw_name for one in pwd.getpwall()} | {one.gr_name for one in grp.getgrall()}
    return sorted(names - known)[:10], f"only {', '.join(sorted(names))}"


def own_tale(given):
    """What Python itself tells of where it comes from: paths of modules, of code, of settings, of errors."""
    import gc
    import sysconfig
    import traceback
    import types
    told = [repr(sys.path), repr(sysconfig.get_config_vars()), repr(dict(os.environ)), repr(sys.argv), sys.executable]
    told += [repr(getattr(one, "__file__", "")) + repr(getattr(one, "__cached__", "")) for one in list(sys.modules.values())]
    told += [one.__code__.co_filename for one in gc.get_objects() if isinstance(one, types.FunctionType)]
    try:
        import sandpiper.agent
        sandpiper.agent.Agent.configure(None, None, None)
    except Exception:
        told.append(traceback.format_exc())
    text = "\n".join(told)
    if given["outside"]:
        text += os.getcwd()
    return [place for place in given["places"] if place in text], f"{len(text)} characters tell nothing"


def numbers(given):
    """What ought to be another one in each room."""
    import random
    import tempfile
    import uuid
    told = {"random": random.random(), "uuid1": uuid.uuid1().int, "uuid4": uuid.uuid4().int, "urandom": os.urandom(8).hex()}
    told["a temporary name"] = os.path.basename(tempfile.mktemp())
    try:
        import numpy
        told["numpy"] = float(numpy.random.rand())
        told["numpy's new one"] = float(numpy.random.default_rng().random())
    except ImportError:
        pass
    return [], json.dumps(told)


def same_fork(given):
    """The control: a generator that a fork takes along unchanged."""
    import random
    state = random.getstate()
    first, _ = random.random(), random.setstate(state)
    return (["the same numbers"] if random.random() == first else []), "other numbers"
