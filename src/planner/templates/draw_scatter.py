def draw_scatter(axes, data, plan, most=20000):
    if len(data) > most:
        print(f"Drawn: a sample of {most:,} of {len(data):,} points.")
        data = data.sample(most, random_state=1)
    names = main_series(data)
    size, alpha = (36, 0.8) if len(data) <= 200 else (18, 0.6) if len(data) <= 2000 else (8, 0.3)
    for name in names:
        part = data[data["series"] == name]
        x = part["x"].map(short) if part["x"].dtype == object else part["x"]
        axes.scatter(x, part["y"], s=size, alpha=alpha, linewidths=0, label=short(name))
    if data["x"].dtype == object and data["x"].nunique() > 8:
        axes.tick_params(axis="x", labelrotation=90, labelsize=7)
    axes.set_xlabel(short(plan["x"]["label"], 60))
    axes.set_ylabel(short(plan["yLabel"], 60))
    legend(axes, names, plan["colour"])
    finish(axes, plan, x_numbers=pd.api.types.is_numeric_dtype(data["x"]))
