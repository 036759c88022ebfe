frame = load(PLAN["source"])
rows = keep(frame, PLAN["filters"])
print(f"Rows used: {len(rows):,} of {len(frame):,}")

if not PLAN["measures"]:
    print_facts(rows, PLAN["source"])
elif not PLAN["groups"]:
    results = []
    for measure in PLAN["measures"]:
        series = rows[measure["column"]] if measure["column"] else pd.Series(1, index=rows.index)
        value = len(rows) if measure["column"] is None else getattr(series, "nunique" if measure["aggregate"] == "count-distinct" else measure["aggregate"])()
        results.append([measure["label"], value])
    print_table(["", "value"], results)
else:
    keys = [group_key(rows, axis).rename(f"key {index}") for index, axis in enumerate(PLAN["groups"])]
    columns = []
    for index, measure in enumerate(PLAN["measures"]):
        series = rows[measure["column"]] if measure["column"] else pd.Series(1, index=rows.index)
        columns.append(aggregated(series.groupby(keys, sort=True), measure).rename(f"value {index}"))
    result = pd.concat(columns, axis=1)
    if PLAN["sort"]:
        upward = PLAN["sort"]["order"] == "ascending"
        result = result.sort_values("value 0", ascending=upward) if PLAN["sort"]["by"] == "y" else result.sort_index(ascending=upward)
    result = result.reset_index().head(PLAN["limit"] or 1000)
    grains = [axis["grain"] for axis in PLAN["groups"]]
    names = [axis["label"] for axis in PLAN["groups"]] + [measure["label"] for measure in PLAN["measures"]]
    print_table(names, ([label(v, grains[n]) if n < len(grains) else v for n, v in enumerate(row)] for row in result.values.tolist()))
