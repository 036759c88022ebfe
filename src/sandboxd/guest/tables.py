"""Values as plain JSON: no NaN, no numpy, dates as ISO text; bounded in depth and in number."""

import datetime
import math
import numbers

MAX_ROWS = 10_000
MAX_CELLS = 200_000
MAX_DEPTH = 20


def columns(frame):
    """A DataFrame as {column: [values]}; None when it is too large to be useful as data."""
    rows, width = frame.shape
    if width == 0 or rows * width > MAX_CELLS or rows > MAX_ROWS:
        return None
    return {str(name): [plain_json(value) for value in frame.iloc[:, place].tolist()]
            for place, name in enumerate(frame.columns)}


class NotPlain(Exception):
    """The value holds something that JSON has no word for."""


def strict_json(value):
    """As plain_json, but None when something in it would only be a text made by str()."""
    try:
        return plain_json(value, 0, refuse)
    except NotPlain:
        return None


def refuse(value):
    raise NotPlain(type(value).__name__)


def plain_json(value, depth=0, otherwise=str):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (datetime.date, datetime.time)):
        # NaT is a date that differs from itself.
        return value.isoformat() if value == value else None
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        return number if math.isfinite(number) else None
    if depth < MAX_DEPTH and isinstance(value, dict):
        return {str(key): plain_json(one, depth + 1, otherwise) for key, one in value.items()}
    if depth < MAX_DEPTH and isinstance(value, (list, tuple, set, frozenset)):
        return [plain_json(one, depth + 1, otherwise) for one in value]
    if hasattr(value, "tolist") and hasattr(value, "ndim") and depth < MAX_DEPTH:
        return plain_json(value.tolist(), depth + 1, otherwise)
    return otherwise(value)
