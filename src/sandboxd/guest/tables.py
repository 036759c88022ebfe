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


def plain_json(value, depth=0):
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
        return {str(key): plain_json(one, depth + 1) for key, one in value.items()}
    if depth < MAX_DEPTH and isinstance(value, (list, tuple, set, frozenset)):
        return [plain_json(one, depth + 1) for one in value]
    if hasattr(value, "tolist") and hasattr(value, "ndim") and depth < MAX_DEPTH:
        return plain_json(value.tolist(), depth + 1)
    return str(value)
