# Where user and network namespaces may be made, one has every power over one's own: only the filter is left.
import fcntl
import socket
import struct

USER, MOUNT, NETWORK = 0x10000000, 0x00020000, 0x40000000


def with_power(act, more=0):
    """In a process that is root of a user namespace of its own."""
    def inside():
        if libc.unshare(USER | more) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        with open("/proc/self/status") as file:
            if "CapEff:\t0000000000000000" in file.read():
                raise RuntimeError("no power was had")
        act()
    return apart(inside)


def honest(outcomes):
    """Whoever never had the power has tried nothing."""
    broken = [one for one in outcomes.values() if "RuntimeError" in one]
    if broken:
        raise RuntimeError(broken[0])
    return verdict(outcomes)


def powerful_mounts(given):
    calls, place = given["calls"], os.path.join(given["folder"], "powerful").encode() + b"\0"
    os.makedirs(place[:-1], exist_ok=True)

    def after_unsharing():
        call(calls["unshare"], MOUNT)
        call(calls["mount"], b"tmpfs\0", place, b"tmpfs\0", 0, 0)
    return honest({
        "a mount namespace": with_power(lambda: call(calls["unshare"], MOUNT)),
        "a tmpfs in it": with_power(after_unsharing),
        "a file system without a place": with_power(lambda: call(calls["fsopen"], b"tmpfs\0", 0), MOUNT if given["outside"] else 0),
        "a time namespace": with_power(lambda: call(calls["unshare"], 0x80)),
    })


def powerful_network(given):
    def filtering(level, option):
        with socket.socket(socket.AF_INET if level == 0 else socket.AF_INET6, socket.SOCK_DGRAM) as one:
            one.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
            try:
                one.setsockopt(level, option, b"\0" * 128)
            except OSError as error:
                # Anything but a refusal is the packet filter's own answer.
                if error.errno in (errno.EPERM, errno.EACCES):
                    raise
    def raised():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            # SIOCSIFFLAGS: up and running.
            fcntl.ioctl(one, 0x8914, struct.pack("16sH22x", b"lo", 0x41))
    def bridged():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            fcntl.ioctl(one, 0x8940, struct.pack("4L", 0, 0, 0, 0))
    def settled():
        with open("/proc/sys/net/ipv4/tcp_wmem", "w") as setting:
            setting.write("4096 16384 1073741824")
    return honest({
        "a network device": with_power(raised, NETWORK),
        "the driver of bridges": with_power(bridged, NETWORK),
        "a setting of the network": with_power(settled, NETWORK),
        "netfilter's netlink": with_power(lambda: socket.socket(16, socket.SOCK_RAW, 12).close(), NETWORK),
        "routing's netlink": with_power(lambda: socket.socket(16, socket.SOCK_RAW, 0).close(), NETWORK),
        "a packet socket": with_power(lambda: socket.socket(17, socket.SOCK_RAW, 0).close(), NETWORK),
        "a raw socket": with_power(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 255).close(), NETWORK),
        "a table of the packet filter": with_power(lambda: filtering(0, 64), NETWORK),
        "one for IPv6": with_power(lambda: filtering(41, 64), NETWORK),
    })


def powerful_dial(given):
    def dial():
        with socket.create_connection(("127.0.0.1", given["port"]), 1):
            pass
    # Outside, this machine's own network is the control.
    return honest({"the server of this machine": with_power(dial, 0 if given["outside"] else NETWORK), "the same, in the room's network": with_power(dial)})


def networks(given):
    """Each has a loopback and tables of its own in the kernel, and lives as long as somebody holds it."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        kept = []
        if libc.unshare(USER) == 0:
            while len(kept) < 300 and libc.unshare(NETWORK) == 0:
                kept.append(os.open("/proc/self/ns/net", os.O_RDONLY))
        os.write(writing, str(len(kept)).encode())
        os._exit(0)
    count = int(os.read(reading, 16))
    os.wait()
    if count == 0:
        raise RuntimeError("none was had")
    return ([f"{count} networks"] if count > 100 else []), f"{count} networks, then no more"
