def draw_area(axes, data, plan):
    names = main_series(data)
    wide = data.pivot_table(index="x", columns="series", values="y", aggfunc="sum", sort=False).fillna(0)[names]
    if wide.index.dtype != object:
        wide = wide.sort_index()
    x = [short(value) for value in wide.index] if wide.index.dtype == object else wide.index
    axes.stackplot(x, [wide[name] for name in names], labels=[short(name) for name in names], alpha=0.85)
    if pd.api.types.is_datetime64_any_dtype(wide.index):
        locator = matplotlib.dates.AutoDateLocator(minticks=3, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(matplotlib.dates.ConciseDateFormatter(locator))
    axes.set_xlabel(short(plan["x"]["label"], 60))
    axes.set_ylabel(short(plan["yLabel"], 60))
    legend(axes, names, plan["colour"])
    finish(axes, plan)
