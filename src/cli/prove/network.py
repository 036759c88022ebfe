# Ways to anybody outside of the room. Whoever answers is ours: servers on this machine's loopback that count who comes.
import socket

SECONDS = 1.0


def interfaces(given):
    names = [name for _, name in socket.if_nameindex()]
    with open("/proc/net/route") as file:
        routes = file.read().splitlines()[1:]
    return [name for name in names if name != "lo"] + routes, f"only {', '.join(names)}, and no route"


def dial(family, kind, address, data=b"x"):
    with socket.socket(family, kind) as one:
        one.settimeout(SECONDS)
        one.connect(address)
        one.send(data)


def loopback(given):
    """Each form as a program would use it: its host looked up and dialled, and as the address of a page."""
    import urllib.parse
    import urllib.request
    outcomes = {}
    for url in given["urls"]:
        outcomes[url] = "refused"
        try:
            urllib.request.urlopen(url, timeout=SECONDS).read(64)
            outcomes[url] = "ok"
        except Exception as error:
            outcomes[url] = type(error).__name__
        parts = urllib.parse.urlsplit(url)
        try:
            dial(socket.AF_INET6 if ":" in (parts.hostname or "") else socket.AF_INET, socket.SOCK_STREAM, (parts.hostname, parts.port or 80))
            outcomes[url] = "ok"
        except Exception:
            continue
    return verdict(outcomes)


def answers(given):
    """Each request, byte by byte, to the proxy; then, where it let a tunnel through, a request in the tunnel."""
    got, codes = [], collections.Counter()
    for name, text in given["requests"]:
        said = b""
        try:
            with socket.create_connection(("127.0.0.1", 3128), timeout=3) as one:
                one.sendall(text.encode("latin-1"))
                one.settimeout(3)
                said = one.recv(4096)
                if text.startswith("CONNECT") and b" 200" in said[:16]:
                    one.sendall(b"GET /tunnel HTTP/1.1\r\nHost: x\r\n\r\n")
                    said = one.recv(4096)
                    got.append(f"{name}: a tunnel")
        except OSError as error:
            said = said or type(error).__name__.encode()
        first = said.split(b"\r\n")[0].decode("latin-1")
        codes[first[:40] or "nothing"] += 1
        if b"canary" in said or " 200" in first:
            got.append(f"{name}: {first}")
    return got, ", ".join(f"{code} ×{count}" for code, count in codes.items())


def abstract_socket(given):
    return verdict({"its abstract socket": tried(dial, socket.AF_UNIX, socket.SOCK_STREAM, b"\0" + given["abstract"].encode())})


def named_sockets(given):
    paths = given["sockets"] + ["/tmp/zygote.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/dbus/system_bus_socket",
                                "/run/systemd/private", "/tmp/.X11-unix/X0"]
    if not given["outside"]:
        # And whatever else lies anywhere.
        for top in ("/tmp", "/home", "/dev", "/opt", "/usr"):
            for folder, _, names in os.walk(top):
                paths += [os.path.join(folder, name) for name in names if stat.S_ISSOCK(os.lstat(os.path.join(folder, name)).st_mode)]
    return verdict({path: tried(dial, socket.AF_UNIX, socket.SOCK_STREAM, path) for path in dict.fromkeys(paths)})


def names(given):
    """A question to a server of names, by the library and by hand."""
    question = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"
    outcomes = {}
    try:
        socket.getaddrinfo("example.com", 80)
        outcomes["the library"] = "ok"
    except OSError as error:
        outcomes["the library"] = type(error).__name__
    for address in given["servers"]:
        outcomes[f"{address[0]}"] = tried(dial, socket.AF_INET, socket.SOCK_DGRAM, tuple(address), question)
    return verdict(outcomes)


def raw(given):
    def make(*arguments):
        socket.socket(*arguments).close()
    return verdict({"raw IP": tried(make, socket.AF_INET, socket.SOCK_RAW, 255), "raw ICMP": tried(make, socket.AF_INET6, socket.SOCK_RAW, 58),
                    "packets": tried(make, 17, socket.SOCK_RAW, 0x300), "ping": tried(make, socket.AF_INET, socket.SOCK_DGRAM, 1)})


def families(given):
    """Drivers of the kernel behind socket(): each has had holes."""
    kinds = {"vsock": (40, 1, 0), "the kernel's ciphers": (38, 5, 0), "netfilter": (16, 3, 12), "audit": (16, 3, 9), "events": (16, 3, 15),
             "xfrm": (16, 3, 6), "generic netlink": (16, 3, 16), "SCTP": (2, 1, 132), "MPTCP": (2, 1, 262), "TIPC": (30, 5, 0), "bluetooth": (31, 3, 1), "XDP": (44, 3, 0)}
    return verdict({name: tried(lambda: socket.socket(*kind).close()) for name, kind in kinds.items()})


def hypervisor(given):
    """A tunnel of one's own: an interface, made by netlink or by its device."""
    import struct

    def ask():
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as one:
            name = b"proof0\0\0"
            kind = struct.pack("HH", 9, 1) + b"dummy\0\0\0"
            body = struct.pack("BxHiII", 0, 0, 0, 0, 0) + struct.pack("HH", 12, 3) + name + struct.pack("HH", 4 + len(kind), 18) + kind
            one.send(struct.pack("IHHII", 16 + len(body), 16, 0x605, 1, 0) + body)
            code = struct.unpack_from("i", one.recv(4096), 16)[0]
            if code:
                raise OSError(-code, "")
    return verdict({"an interface": apart(ask) if not given["outside"] else "EPERM", "a tunnel": tried(lambda: os.close(os.open("/dev/net/tun", os.O_RDWR)))})


def shouting(given):
    """To everybody at once: multicast and broadcast need no address to be known."""
    def shout(address):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            one.sendto(b"proof", address)
    return verdict({place: tried(shout, (place, 9)) for place in ("224.0.0.251", "239.255.255.250", "255.255.255.255")})


def listen(given):
    """Leaves two listeners behind for as long as the sandbox lives."""
    import threading
    tcp, local = socket.socket(), socket.socket(socket.AF_UNIX)
    tcp.bind(("0.0.0.0", given["port"]))
    local.bind(b"\0" + given["abstract"].encode())
    for one in (tcp, local):
        one.listen()
        threading.Thread(target=lambda each=one: [each.accept() for _ in range(99)], daemon=True).start()
    globals().setdefault("kept", []).extend((tcp, local))
    return [], "it listens"


def to_listener(given):
    return verdict({"its port": tried(dial, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", given["port"])),
                    "its abstract socket": tried(dial, socket.AF_UNIX, socket.SOCK_STREAM, b"\0" + given["abstract"].encode())})


def past_proxy(given):
    """With the network on: past the proxy, straight to an address."""
    targets = [tuple(one) for one in given["targets"]]
    outcomes = {f"{address}:{port}": tried(dial, socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, (address, port)) for address, port in targets}
    outcomes["UDP"] = tried(dial, socket.AF_INET, socket.SOCK_DGRAM, ("1.1.1.1", 53))
    return verdict(outcomes)


def flood(given):
    """More connections than anybody may have, none of which says what it wants."""
    kept, refused = [], 0
    for _ in range(900):
        try:
            kept.append(socket.create_connection(("127.0.0.1", 3128), timeout=1))
        except OSError:
            refused += 1
    alive = 0
    for one in kept:
        one.settimeout(0.001)
        try:
            if one.recv(1):
                alive += 1
        except TimeoutError:
            alive += 1
        except OSError:
            pass
    [one.close() for one in kept]
    return ([f"{alive} are open at once"] if alive > 400 else []), f"{alive} of 900 were kept, {refused} refused"
