WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"]


def group_key(frame, axis):
    series = frame[axis["column"]]
    grain = axis["grain"]
    if not grain or not pd.api.types.is_datetime64_any_dtype(series):
        return series
    if grain == "weekday":
        return series.dt.day_name()
    if grain == "hour":
        return series.dt.floor("60min")
    return series.dt.to_period({"year": "Y", "quarter": "Q", "month": "M", "week": "W", "day": "D"}[grain]).dt.start_time


def aggregated(grouped, measure):
    name = measure["aggregate"]
    if measure["column"] is None:
        return grouped.size()
    return grouped.nunique() if name == "count-distinct" else getattr(grouped, name)()


def calendar_rank(values):
    """The order of names of days or months; None for other labels."""
    for names in (WEEKDAYS, MONTHS):
        short = {name[:3]: rank for rank, name in enumerate(names)}
        lowered = [str(value).strip().lower() for value in values]
        if lowered and all(len(v) >= 3 and v[:3] in short and names[short[v[:3]]].startswith(v.rstrip(".")) for v in lowered):
            return {value: short[low[:3]] for value, low in zip(values, lowered)}
    return None


def gather(frame, plan):
    """One row a point of the chart: x, y and series."""
    parts = []
    for measure in plan["y"]:
        part = pd.DataFrame(index=frame.index)
        part["x"] = group_key(frame, plan["x"]) if plan["x"] else ""
        part["series"] = frame[plan["colour"]] if plan["colour"] else measure["label"]
        part["y"] = frame[measure["column"]] if measure["column"] else 1
        part = part.dropna(subset=["x", "series"])
        if measure["aggregate"] == "none":
            part = part.dropna(subset=["y"])
        else:
            part = aggregated(part.groupby(["x", "series"], sort=True)["y"], measure).rename("y").reset_index().dropna()
        parts.append(part)
    data = pd.concat(parts, ignore_index=True)
    if plan["share"] and data["y"].sum():
        data["y"] = data["y"] / data["y"].sum() * 100
    return ordered(data, plan)


def ordered(data, plan):
    sort, labels = plan["sort"], data["x"].dtype == object
    rank = calendar_rank(data["x"].unique()) if labels else None
    if sort is None:
        sort = {"by": "y" if labels and rank is None and plan["chart"] not in ("line", "area", "scatter") else "x", "order": "ascending"}
        if sort["by"] == "y":
            sort["order"] = "descending"
        elif labels and rank is None or plan["chart"] == "scatter":
            return data.head(plan["limit"]) if plan["limit"] else data
    upward = sort["order"] == "ascending"
    if sort["by"] == "y":
        whole = data.groupby("x")["y"].sum() if plan["y"][0]["aggregate"] != "none" else data.groupby("x")["y"].max()
        data = data.assign(key=data["x"].map(whole)).sort_values(["key", "y"], ascending=upward, kind="stable")
    else:
        data = data.assign(key=data["x"].map(rank) if rank else data["x"]).sort_values("key", ascending=upward, kind="stable")
    data = data.drop(columns="key").reset_index(drop=True)
    if plan["limit"]:
        one_each = plan["y"][0]["aggregate"] == "none"
        data = data.head(plan["limit"]) if one_each else data[data["x"].isin(data["x"].drop_duplicates().head(plan["limit"]))]
    return data
