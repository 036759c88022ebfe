"""An exception as a person should read it: the lines of the user's own code, then what went wrong."""

import linecache
import traceback

from . import missing

MAX_TEXT = 64 * 1024
# `<timed` and `<magic`: the body of `%%time` and of `%timeit`.
USER_PLACES = ("<cell ", "<timed ", "<magic-timeit>", "/home/user/", "/tmp/")


def remember(name, code):
    """Lets tracebacks show the lines of a cell."""
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)


def describe(error):
    """(name, value, traceback), each of them bounded text without colours."""
    name = type(error).__name__
    try:
        value = str(error)
    except Exception:
        value = "<the exception has no text>"
    try:
        whole = traceback.TracebackException.from_exception(error, compact=True)
        keep_user_frames(whole, set())
        text = "".join(whole.format())
    except Exception:
        text = f"{name}: {value}"
    help = advice(error)
    if help:
        value, text = f"{value.rstrip('.')}. {help}", f"{text.rstrip()}\n{help}\n"
    return bounded(name), bounded(value), bounded(text)


def advice(error):
    try:
        return missing.sentence(error)
    except Exception:
        return ""


def keep_user_frames(whole, seen):
    if whole is None or id(whole) in seen:
        return
    seen.add(id(whole))
    kept = [frame for frame in whole.stack if frame.filename.startswith(USER_PLACES)]
    whole.stack = traceback.StackSummary.from_list(kept)
    keep_user_frames(whole.__cause__, seen)
    keep_user_frames(whole.__context__, seen)
    for one in getattr(whole, "exceptions", None) or ():
        keep_user_frames(one, seen)


def bounded(text):
    if len(text) <= MAX_TEXT:
        return text
    half = MAX_TEXT // 2
    return f"{text[:half]}\n[… {len(text) - MAX_TEXT} characters left out …]\n{text[-half:]}"
