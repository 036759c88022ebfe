"""A module that the sandbox does not have: what to say, and the name of the package that would bring it."""

import importlib.util
import re
import sys

COMMAND = "bun run python -- add"

# Modules whose package has another name.
PACKAGES = {
    "Bio": "biopython",
    "Crypto": "pycryptodome",
    "Levenshtein": "python-Levenshtein",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "GitPython",
    "jwt": "PyJWT",
    "magic": "python-magic",
    "multipart": "python-multipart",
    "osgeo": "gdal",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "snappy": "python-snappy",
    "speech_recognition": "SpeechRecognition",
    "telegram": "python-telegram-bot",
    "umap": "umap-learn",
    "usb": "pyusb",
    "websocket": "websocket-client",
    "wx": "wxPython",
    "xlib": "python-xlib",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
# Many packages share these names.
SHARED = {"azure", "google", "zope"}
# Python's own, of today and of earlier versions: no package brings them.
NOT_TO_BE_HAD = sys.stdlib_module_names | {"asynchat", "asyncore", "distutils", "imp", "smtpd"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:==[A-Za-z0-9.!+]+)?")


def sentence(error):
    """What to add to the error's own text; empty when no module is missing."""
    name = module_of(error)
    if name is None or is_there(name):
        return ""
    if name in NOT_TO_BE_HAD:
        return f"{name} is not available in the sandbox."
    package = PACKAGES.get(name, name)
    if name in SHARED or not NAME.fullmatch(package):
        return f"{name} is not installed in the sandbox."
    return f"{name} is not installed in the sandbox. The owner can add it: {COMMAND} {package}"


def module_of(error):
    """An ImportError of a package that wants another one (pandas and its readers) has the true reason behind it."""
    seen = set()
    while isinstance(error, ImportError) and id(error) not in seen:
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name.split(".")[0]
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def is_there(name):
    """A part of it may be missing; that is another story."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return name in sys.modules


def no_installing(arguments):
    """`arguments` is what followed `pip` or `pip install`."""
    words = [word.strip("'\"") for word in arguments.split()]
    names = [word for word in words if word != "install" and NAME.fullmatch(word)]
    wanted = " ".join(names) or "NAME"
    one = "it" if len(names) == 1 else "them"
    return (
        "Packages cannot be installed from inside the sandbox: it is sealed and its Python is read-only. "
        f"The owner can add {one}: {COMMAND} {wanted}"
    )
