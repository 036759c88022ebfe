def short(value, longest=32):
    """A label that fits: one line, not too long, never taken for a private name by the legend."""
    text = " ".join(str(value).split())
    text = text if len(text) <= longest else text[: longest - 1] + "\u2026"
    return " " + text if text.startswith("_") else text


def number(value):
    if value != value:
        return ""
    if abs(value) >= 1e15 or 0 < abs(value) < 1e-4:
        return "%.4g" % value
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 1 else "%.4g" % value


def label(value, grain=None):
    """A group's name as people write it."""
    if isinstance(value, pd.Timestamp):
        if grain == "quarter":
            return f"{value.year} Q{value.quarter}"
        midnight = value == value.normalize()
        forms = {"year": "%Y", "month": "%b %Y", "week": "%d %b %Y", "hour": "%Y-%m-%d %H:%M"}
        return value.strftime(forms.get(grain, "%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M"))
    if isinstance(value, (int, float)):
        return "%g" % value if value == value else ""
    return str(value)
