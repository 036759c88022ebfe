def to_number(series, style):
    """Numbers from text such as "(1,234.50)", "12 %" or "1.234,50"."""
    if series.dtype != object and not pd.api.types.is_string_dtype(series):
        return series.astype(float)
    text = series.astype(str).str.strip().str.replace("\u2212", "-", regex=False)
    if style == "comma":
        text = text.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    if style != "plain":
        text = text.str.replace(r"^\((.*)\)$", r"-\1", regex=True).str.replace(r"[^0-9.eE+-]|[eE](?![+-]?\d)", "", regex=True)
    words = {"true": "1", "yes": "1", "y": "1", "t": "1", "false": "0", "no": "0", "n": "0", "f": "0"}
    return pd.to_numeric(text.str.lower().replace(words), errors="coerce")


def to_time(series, form):
    if form in ("epoch-s", "epoch-ms"):
        times = pd.to_datetime(pd.to_numeric(series, errors="coerce"), unit=form[6:], errors="coerce")
    elif form == "quarter":
        parts = series.astype(str).str.extract(r"(?P<a>\d{4})?\D*(?P<q>[1-4])(?:\D+(?P<b>\d{4}))?")
        times = pd.to_datetime(parts["a"].fillna(parts["b"]) + "-" + (parts["q"].astype(float) * 3 - 2).astype("Int64").astype(str), format="%Y-%m", errors="coerce")
    elif form == "native" or form == "iso":
        mixed = {"format": "ISO8601"} if form == "iso" and int(pd.__version__.split(".")[0]) >= 2 else {}
        times = pd.to_datetime(series, errors="coerce", utc=True, **mixed).dt.tz_localize(None)
    else:
        times = pd.to_datetime(series.map(plain_text, na_action="ignore"), format=form, errors="coerce")
    return times.astype("datetime64[ns]")


def plain_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return " ".join(str(value).split())


def load(source):
    """The columns of the plan, by name, each in the type that it has."""
    columns = sorted(source["columns"], key=lambda column: column["position"])
    frame = read_table(source, [column["position"] for column in columns])
    frame = frame[[column["position"] for column in columns]]
    frame.columns = [column["name"] for column in columns]
    for column in columns:
        series = frame[column["name"]]
        if column["kind"] == "unknown":
            continue
        if column["time"]:
            series = to_time(series, column["time"])
        elif column["kind"] == "measure" or (column["kind"] == "boolean" and column["number"]):
            series = to_number(series, column["number"] or "plain")
        else:
            series = series.map(plain_text, na_action="ignore").astype(object)
        frame[column["name"]] = series
    return frame
