def draw_histogram(axes, data, plan):
    values = data["x"].dropna()
    if pd.api.types.is_numeric_dtype(values):
        low, high = values.quantile(0.01), values.quantile(0.99)
        if high > low and values.max() - values.min() > 10 * (high - low):
            inner = values[values.between(low, high)]
            print(f"Shown: the middle 98 % of the values; {len(values) - len(inner):,} far-off values are left out.")
            values = inner
    whole = pd.api.types.is_numeric_dtype(values) and (values == values.round()).all() and values.max() - values.min() <= 40
    if whole:
        bins = [n - 0.5 for n in range(int(values.min()), int(values.max()) + 2)]
    else:
        bins = min(60, max(8, int(len(values) ** 0.5)))
    axes.hist(values, bins=bins, edgecolor="white", linewidth=0.6)
    axes.set_xlabel(short(plan["x"]["label"], 60))
    axes.set_ylabel("rows")
    axes.grid(False, axis="x")
    finish(axes, plan, x_numbers=pd.api.types.is_numeric_dtype(values))
