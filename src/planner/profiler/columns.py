import datetime
import math
import re
from collections import Counter

MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
DRESSED = re.compile(
    r"(\()?\s*[-+\u2212]?\s*(?:[$\u20ac\u00a3\u00a5\u20b9]|USD|EUR|GBP|CHF)?\s*[-+\u2212]?"
    r"(\d[\d.,'\u2019\u00a0\u202f ]*)\s*(%|[$\u20ac\u00a3\u00a5\u20b9]|[A-Za-z]{1,4})?\s*(\))?"
)
GROUPED = {",": re.compile(r"\d{1,3}(?:,\d{3})+"), ".": re.compile(r"\d{1,3}(?:\.\d{3})+")}
ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?)?")
QUARTER = re.compile(r"\d{4}[ -]?Q[1-4]|Q[1-4][ /-]?\d{4}", re.I)
CLOCK = re.compile(r"[ T,]+\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?$")
DATES = [
    "%Y-%m-%d", "%Y-%m", "%Y/%m/%d", "%Y.%m.%d", "%Y/%m", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y",
    "%d/%m/%y", "%d-%m-%Y", "%m-%d-%Y", "%m/%Y", "%m.%Y", "%b %d %Y", "%b %d, %Y", "%B %d, %Y", "%B %d %Y", "%d %b %Y",
    "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b, %Y", "%b %Y", "%B %Y", "%b-%y", "%b-%Y", "%b %y", "%a, %d %b %Y",
    "%a %b %d %Y", "%Y%m%d",
]
SWAPPED = {"%m/%d/%Y": "%d/%m/%Y", "%m/%d/%y": "%d/%m/%y", "%d-%m-%Y": "%m-%d-%Y"}
TIME_NAME = re.compile(r"date|time|day|month|year|jahr|datum|period|epoch|created|updated|_at$|_on$|fecha|mes$", re.I)
YEAR_NAME = re.compile(r"year|jahr|(^|[ _])yr|ann\u00e9e|a\u00f1o|^(date|time|period|season)$", re.I)
ID_NAME = re.compile(
    r"(?:^|[ _.-])(?:id|ids|uuid|guid|key|index|idx|sku|isbn|iban|ssn|code|zip|zipcode|postcode|plz|phone|fax)$|[a-z](?:Id|ID)$"
    r"|^(?:nr|no|#|index|rownum|unnamed.*)$|(?:phone|account|flight|order|invoice|serial|card|ticket|room)[ _]?(?:number|num|no|nr)$"
    r"|(?:zip|postal)[ _]?code$",
    re.I,
)
BOOLEANS = [{"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"}, {"ja", "nein"}]
DISTINCT_CAP = 20000


def number_text(text, style):
    """The number that dressed text such as "(1,234.50)" or "12 %" means; None if none."""
    match = DRESSED.fullmatch(text)
    if not match:
        return None
    body = re.sub(r"['\u2019\u00a0\u202f ]", "", match.group(2)).rstrip(".,")
    body = body.replace(".", "").replace(",", ".") if style == "comma" else body.replace(",", "")
    try:
        value = float(body)
    except ValueError:
        return None
    negative = bool(match.group(1) and match.group(4)) or bool(re.match(r"\D*[-\u2212]", text))
    return -value if negative else value


def number_style(texts, delimiter):
    """plain, point or comma for texts that are nearly all numbers; None for others."""
    total = sum(texts.values())
    if sum(count for text, count in texts.items() if PLAIN.fullmatch(text)) >= 0.97 * total:
        return "plain"
    bodies, suffixes = [], Counter()
    for text, count in texts.items():
        match = DRESSED.fullmatch(text)
        if match:
            bodies.append((match.group(2).strip(), count))
            suffixes[match.group(3) or ""] += count
    units = [suffix for suffix in suffixes if suffix.isalpha()]
    if sum(count for _, count in bodies) < 0.9 * total or len(units) > 1 or (units and suffixes[units[0]] < 0.9 * total):
        return None
    votes = Counter(filter(None, (decimal_sign(body) for body, _ in bodies)))
    if votes["point"] and votes["comma"]:
        return None
    if votes:
        return "comma" if votes["comma"] else "point"
    return "comma" if delimiter == ";" and any("," in body for body, _ in bodies) else "point"


def decimal_sign(body):
    body = re.sub(r"['\u2019\u00a0\u202f ]", "", body).rstrip(".,")
    point, comma = body.rfind("."), body.rfind(",")
    if point >= 0 and comma >= 0:
        return "point" if point > comma else "comma"
    if comma >= 0:
        return None if GROUPED[","].fullmatch(body) else "comma"
    if body.count(".") > 1:
        return "comma"
    return "point" if point >= 0 else None


def parse_time(text, form):
    try:
        if form == "iso":
            moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00").replace(",", "."))
        elif form == "quarter":
            digits = re.sub(r"\D", "", text)
            year, quarter = (digits[:4], digits[4]) if text[0].isdigit() else (digits[1:], digits[0])
            moment = datetime.datetime(int(year), int(quarter) * 3 - 2, 1)
        elif form in ("epoch-s", "epoch-ms"):
            moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=float(text) / (1000 if form == "epoch-ms" else 1))
        else:
            moment = datetime.datetime.strptime(text, form)
        if moment.tzinfo:
            moment = moment.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return moment if 1678 <= moment.year <= 2261 else None
    except (ValueError, OverflowError, IndexError):
        return None


def time_format(name, texts, day_first):
    """The format that reads these texts as times, and a note when two formats would."""
    sample = list(texts)[:: max(1, len(texts) // 200)][:200]
    fits = lambda form: sum(parse_time(text, form) is not None for text in sample) >= 0.95 * len(sample)
    first = sample[0]
    if all(re.fullmatch(r"[\d.]+", text) for text in sample):
        if all(re.fullmatch(r"1[5-9]\d\d|20\d\d|2100", text) for text in sample):
            return ("%Y", None) if YEAR_NAME.search(name) else (None, None)
        if TIME_NAME.search(name):
            if all(re.fullmatch(r"\d{9,10}", text) for text in sample):
                return "epoch-s", None
            if all(re.fullmatch(r"1\d{12}", text) for text in sample):
                return "epoch-ms", None
        if not (all(re.fullmatch(r"(19|20)\d{6}", text) for text in sample) or re.search(r"\.\d+\.", first)):
            return None, None
    if not any(digit in first for digit in "0123456789"):
        return None, None
    if QUARTER.fullmatch(first):
        return ("quarter", None) if fits("quarter") else (None, None)
    if all(ISO.fullmatch(text) for text in sample) and any(len(text) > 10 for text in sample):
        return ("iso", None) if fits("iso") else (None, None)
    clock, clock_match = "", CLOCK.search(first)
    if clock_match:
        gap = re.match(r"[ T,]+", clock_match.group(0)).group(0)
        hours = "%I:%M" if clock_match.group(2) else "%H:%M"
        suffix = (" %p" if clock_match.group(2)[0] == " " else "%p") if clock_match.group(2) else ""
        clock = gap + hours + (":%S" if clock_match.group(1) else "") + suffix
    for form in DATES:
        if fits(form + clock):
            other = SWAPPED.get(form)
            if other and fits(other + clock):
                chosen = other if day_first and form.startswith("%m") else form
                order = "day/month" if chosen.startswith("%d") else "month/day"
                return chosen + clock, "dates in \u201c%s\u201d were read as %s" % (name[:60], order)
            return form + clock, None
    return None, None


def time_grain(moments):
    if any(m.hour or m.minute or m.second for m in moments):
        return "hour"
    if all(m.day == 1 for m in moments):
        if all(m.month == 1 for m in moments):
            return "year"
        return "quarter" if all(m.month in (1, 4, 7, 10) for m in moments) else "month"
    days = sorted({m.date().toordinal() for m in moments})
    if len(days) > 3 and all((day - days[0]) % 7 == 0 for day in days):
        return "week"
    return "day"


def short(text, longest=60):
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= longest else text[: longest - 1] + "\u2026"


def as_text(value):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = str(value).strip()
    return None if text in MISSING else text


def column_profile(name, position, values, delimiter=","):
    """(profile, note) of one column; `values` are text, or typed cells of JSON, Excel and Parquet."""
    native = any(isinstance(value, (datetime.date, datetime.datetime)) for value in values[:2000])
    texts = Counter(text for text in map(as_text, values) if text is not None)
    total = sum(texts.values())
    profile = {
        "name": name, "position": position, "kind": "text", "number": None, "time": None, "nulls": len(values) - total,
        "distinct": min(len(texts), DISTINCT_CAP), "distinctCapped": len(texts) > DISTINCT_CAP, "integer": False,
        "min": None, "max": None, "mean": None, "from": None, "to": None, "grain": None,
    }
    profile["top"] = [{"value": short(text), "count": count} for text, count in texts.most_common(40)]
    if not texts:
        return profile, None
    lowered = {text.lower() for text in list(texts)[:10]}
    if any(lowered <= pair for pair in BOOLEANS) and len(lowered) == len(texts) and (len(lowered) == 2 or total > 1):
        profile["kind"] = "boolean"
        return profile, None
    form, note = ("native", None) if native else time_format(name, texts, delimiter == ";")
    if form:
        spread = list(texts)[:: max(1, len(texts) // 4000)]
        moments = [m for m in (parse_time(text, "iso" if native else form) for text in spread) if m]
        if moments:
            profile.update(kind="time", time=form, grain=time_grain(moments))
            profile["from"], profile["to"] = min(moments).isoformat(), max(moments).isoformat()
            return profile, note
    style = number_style(texts, delimiter)
    if style:
        number_facts(profile, texts, style)
    else:
        lengths = sum(len(text) * count for text, count in texts.items()) / total
        repeated = len(texts) <= max(1, 0.6 * total)
        if ID_NAME.search(name) and not repeated:
            profile["kind"] = "id"
        elif lengths <= 40 or (repeated and lengths <= 80):
            profile["kind"] = "category"
    return profile, None


def mean_of(numbers, total):
    try:
        return math.fsum(value * count for value, count in numbers) / total
    except OverflowError:
        return math.fsum(value * (count / total) for value, count in numbers)


def number_facts(profile, texts, style):
    numbers = []
    for text, count in texts.items():
        value = float(text) if PLAIN.fullmatch(text) else number_text(text, style)
        if value is not None and math.isfinite(value):
            numbers.append((value, count))
    if not numbers:
        return
    total = sum(count for _, count in numbers)
    integer = all(value.is_integer() for value, _ in numbers)
    coded = any(len(text) > 1 and text[0] == "0" and text.isdigit() for text in texts)
    name = profile["name"]
    profile.update(kind="measure", number=style, integer=integer)
    profile.update(min=min(numbers)[0], max=max(numbers)[0], mean=mean_of(numbers, total))
    counted = integer and len(numbers) == total and total > 2 and sorted(v for v, _ in numbers) == list(
        range(int(profile["min"]), int(profile["min"]) + len(numbers)))
    if integer and (coded or ID_NAME.search(name) or (counted and profile["position"] == 0 and name.startswith("column "))):
        profile["kind"] = "id"
    elif {value for value, _ in numbers} == {0.0, 1.0} and style == "plain":
        profile["kind"] = "boolean"
