frame = load(PLAN["source"])
print(f"Rows used: {len(frame):,} of {len(frame):,}")
print_facts(frame, PLAN["source"])

charts = PLAN["charts"]
if charts:
    set_style()
    down, across = (1, 1) if len(charts) == 1 else (1, 2) if len(charts) == 2 else (2, 2)
    figure, grid = plt.subplots(down, across, figsize=(7 * across if across > 1 else 10, 4.6 * down if across > 1 else 5.6), dpi=144, layout="constrained", squeeze=False)
    places = list(grid.flat)
    for axes, plan in zip(places, charts):
        data = pd.DataFrame({"x": frame[plan["x"]["column"]].dropna()}) if plan["chart"] == "histogram" else gather(frame, plan)
        if data.empty:
            axes.set_axis_off()
        else:
            DRAW[plan["chart"]](axes, data, plan)
    for axes in places[len(charts) :]:
        axes.set_axis_off()
    plt.show()
