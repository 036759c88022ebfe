# What a cell says, without end or measure.
MIB = 2**20


class Huge:
    def __repr__(self):
        return "r" * (100 * MIB)


def output_stdout(given):
    while True:
        os.write(1, b"y" * 65536)


def output_stderr(given):
    while True:
        os.write(2, b"y" * 65536)


def output_display(given):
    for _ in range(100_000):
        display({"text/plain": "d" * 200_000}, raw=True)


def output_result(given):
    return Huge()


def output_html(given):
    class Page:
        def _repr_html_(self):
            return "h" * (100 * MIB)
    return Page()


def output_traceback(given):
    raise ValueError("t" * (100 * MIB))


def deep_traceback(given):
    def down(depth):
        try:
            down(depth - 1) if depth else 1 / 0
        except Exception as error:
            raise RuntimeError("x" * 100_000) from error
    down(200)


def picture(given):
    """A picture whose few bytes say that it is huge, and one that is huge."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    bomb = head + chunk(b"IDAT", zlib.compress(bytes(50 * MIB), 9)) + chunk(b"IEND", b"")

    class Picture:
        def __init__(self, data):
            self.data = data

        def _repr_png_(self):
            return self.data
    display(Picture(bomb))
    display(Picture(head + os.urandom(70 * MIB)))


def charts(given):
    """More charts than anybody can look at."""
    import matplotlib.pyplot as plt
    plt.rcParams["figure.max_open_warning"] = 0
    for _ in range(400):
        plt.figure(figsize=(1, 1))
        plt.plot([0, 1])
    plt.show()
