frame = load(PLAN["source"])
rows = keep(frame, PLAN["filters"])
if PLAN["chart"] == "histogram":
    data = pd.DataFrame({"x": rows[PLAN["x"]["column"]].dropna()})
else:
    data = gather(rows, PLAN)
print(f"Rows used: {len(rows):,} of {len(frame):,}")

if data.empty:
    print("Nothing to draw: no row is left.")
else:
    set_style()
    figure, axes = plt.subplots(figsize=(10, 5.6), dpi=144, layout="constrained")
    DRAW[PLAN["chart"]](axes, data, PLAN)
    if PLAN["chart"] == "histogram":
        print_table(["rows", "min", "mean", "median", "max"], [[len(data), *(label(data["x"].min()) if data["x"].dtype.kind == "M" else v for v in (data["x"].min(), data["x"].mean(), data["x"].median(), data["x"].max()))]])
    elif PLAN["y"][0]["aggregate"] != "none" or PLAN["chart"] in ("bar", "horizontal-bar", "pie"):
        grain = PLAN["x"]["grain"] if PLAN["x"] else None
        best, least = data.loc[data["y"].idxmax()], data.loc[data["y"].idxmin()]
        if len(data) > 1:
            print(f"Highest: {short(label(best['x'], grain))} ({number(best['y'])}). Lowest: {short(label(least['x'], grain))} ({number(least['y'])}).")
        names = [PLAN["x"]["label"] if PLAN["x"] else "", *([PLAN["colour"] or "measure"] if data["series"].nunique() > 1 else []), PLAN["yLabel"]]
        columns = ["x", "series", "y"] if len(names) == 3 else ["x", "y"]
        print_table(names, ([label(row[0], grain), *row[1:]] for row in data[columns].values.tolist()))
    plt.show()
