def draw_line(axes, data, plan):
    names = main_series(data)
    parts = [data[data["series"] == name] for name in names]
    for name, part in zip(names, parts):
        dots = "o" if len(part) <= 40 else None
        x = part["x"].map(short) if part["x"].dtype == object else part["x"]
        axes.plot(x, part["y"], marker=dots, markersize=4, linewidth=1.8, label=short(name))
    times = pd.api.types.is_datetime64_any_dtype(data["x"])
    if times:
        locator = matplotlib.dates.AutoDateLocator(minticks=3, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(matplotlib.dates.ConciseDateFormatter(locator))
    elif data["x"].dtype == object and data["x"].nunique() > 6:
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(nbins=25, integer=True))
        axes.tick_params(axis="x", labelrotation=45)
    axes.set_xlabel(short(plan["x"]["label"], 60))
    axes.set_ylabel(short(plan["yLabel"], 60))
    legend(axes, names, plan["colour"])
    finish(axes, plan, x_numbers=not times and data["x"].dtype != object and plan["x"]["grain"] != "year")
