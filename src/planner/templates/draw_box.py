def draw_box(axes, data, plan, most=20):
    groups = list(data.groupby("x", sort=False)["y"])
    if len(groups) > most:
        print(f"Shown: the first {most} of {len(groups)} groups.")
        groups = groups[:most]
    boxes = axes.boxplot([values.tolist() for _, values in groups], patch_artist=True, widths=0.6)
    for box in boxes["boxes"]:
        box.set(facecolor="#a9c5e4", edgecolor=PALETTE[0])
    names = [short(label(name, plan["x"]["grain"] if plan["x"] else None)) for name, _ in groups]
    axes.set_xticks(range(1, len(names) + 1))
    axes.set_xticklabels(names, **({"rotation": 45, "ha": "right"} if sum(map(len, names)) > 7 * inches(axes) else {}))
    axes.set_xlabel(short(plan["x"]["label"], 60) if plan["x"] else "")
    axes.set_ylabel(short(plan["yLabel"], 60))
    axes.grid(False, axis="x")
    finish(axes, plan)
