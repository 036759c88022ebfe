def draw_bar(axes, data, plan, most=30):
    """Upright bars, or lying ones where the labels are long or many."""
    grain = plan["x"]["grain"] if plan["x"] else None
    names = main_series(data)
    data = data[data["series"].isin(names)]
    order = data["x"].drop_duplicates().tolist()
    if len(order) > most:
        print(f"Shown: the first {most} of {len(order)} groups.")
        order = order[:most]
    single = len(names) == 1 and data["x"].is_unique
    if single:
        heights = {names[0]: data.set_index("x")["y"].reindex(order).tolist()}
    elif len(names) == 1:
        part = data.head(most)
        order, heights = part["x"].tolist(), {names[0]: part["y"].tolist()}
    else:
        wide = data.pivot_table(index="x", columns="series", values="y", aggfunc="sum").reindex(order)
        heights = {name: wide[name].fillna(0).tolist() for name in names}
    labels = [short(label(value, grain)) for value in order]
    lying = plan["chart"] == "horizontal-bar" or (grain is None and (len(order) > 12 or max(map(len, labels)) > 14))
    stacked = len(names) > 1 and plan["y"][0]["aggregate"] in ("sum", "count") and len(plan["y"]) == 1
    place_bars(axes, heights, len(order), lying, stacked)
    ticks, set_labels = (axes.set_yticks, axes.set_yticklabels) if lying else (axes.set_xticks, axes.set_xticklabels)
    ticks(range(len(order)))
    set_labels(labels, **({} if lying or sum(map(len, labels)) < 7 * inches(axes) else {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}))
    name_axes(axes, plan, lying)
    legend(axes, names, plan["colour"])
    finish(axes, plan, x_numbers=lying, y_numbers=not lying)


def place_bars(axes, heights, count, lying, stacked):
    below, width = [0.0] * count, 0.8 if stacked else 0.8 / len(heights)
    for index, (name, values) in enumerate(heights.items()):
        shift = 0 if stacked else (index - (len(heights) - 1) / 2) * width
        places = [n + shift for n in range(count)]
        if lying:
            axes.barh(places, values, height=width, left=below if stacked else None, label=short(name))
        else:
            axes.bar(places, values, width=width, bottom=below if stacked else None, label=short(name))
        below = [low + value for low, value in zip(below, values)]
    if lying:
        axes.invert_yaxis()
    axes.grid(False, axis="y" if lying else "x")
    if len(heights) == 1 and count <= 15:
        axes.bar_label(axes.containers[0], labels=[number(value) for value in next(iter(heights.values()))], padding=3, fontsize=8)
        axes.margins(**{"x" if lying else "y": 0.1})


def name_axes(axes, plan, lying):
    x, y = short(plan["x"]["label"] if plan["x"] else "", 60), short(plan["yLabel"], 60)
    axes.set_xlabel(y if lying else x)
    axes.set_ylabel(x if lying else y)
