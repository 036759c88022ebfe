def in_period(series, value):
    """(first moment, last moment) of a period such as "2023", "2023-04" or "2023-04-17"."""
    period = pd.Period(str(value))
    return period.start_time, period.end_time


def meets(series, operator, values):
    if operator in ("is-empty", "is-not-empty"):
        return series.isna() if operator == "is-empty" else series.notna()
    if operator in ("!=", "not-in", "not-contains"):
        return series.notna() & ~meets(series, {"!=": "=", "not-in": "in", "not-contains": "contains"}[operator], values)
    if operator == "in":
        found = [meets(series, "=", [value]) for value in values]
        return pd.concat(found, axis=1).any(axis=1) if found else series.isna() & False
    if pd.api.types.is_datetime64_any_dtype(series):
        if str(values[0]).startswith("*-"):
            return series.dt.month == int(values[0][2:])
        first, last = in_period(series, values[0])
        if operator == "between":
            last = in_period(series, values[1])[1]
        bounds = {"=": (first, last), "between": (first, last), ">=": (first, None), "<=": (None, last)}
        if operator in bounds:
            low, high = bounds[operator]
            return (series >= low if low is not None else series.notna()) & (series <= high if high is not None else True)
        return series > last if operator == ">" else series < first
    if pd.api.types.is_numeric_dtype(series):
        numbers = pd.to_numeric(pd.Series(values), errors="coerce").tolist()
        low = numbers[0]
        if operator == "between":
            return series.between(min(numbers), max(numbers))
        return {"=": series.eq, ">": series.gt, ">=": series.ge, "<": series.lt, "<=": series.le}.get(operator, series.eq)(low)
    text = series.astype(str).str.casefold().where(series.notna(), "")
    words = [str(value).casefold() for value in values]
    tests = {
        "contains": lambda: text.str.contains(words[0], regex=False),
        "starts-with": lambda: text.str.startswith(words[0]),
        "ends-with": lambda: text.str.endswith(words[0]),
        "between": lambda: (text >= words[0]) & (text <= words[-1]),
        ">": lambda: text > words[0],
        ">=": lambda: text >= words[0],
        "<": lambda: text < words[0],
        "<=": lambda: text <= words[0],
    }
    return series.notna() & tests.get(operator, lambda: text == words[0])()


def keep(frame, groups):
    """The rows that meet every condition of at least one group."""
    if not groups:
        return frame
    kept = pd.Series(False, index=frame.index)
    for group in groups:
        whole = pd.Series(True, index=frame.index)
        for condition in group:
            whole &= meets(frame[condition["column"]], condition["operator"], condition["values"])
        kept |= whole
    return frame[kept]
