def draw_pie(axes, data, plan, most=8):
    grain = plan["x"]["grain"] if plan["x"] else None
    whole = data.groupby("x", sort=False)["y"].sum()
    whole = whole[whole > 0].sort_values(ascending=False)
    small = int((whole < 0.015 * whole.sum()).sum())
    if len(whole) > most or small > 1:
        most = max(1, min(most - 1, len(whole) - small))
        rest = whole.iloc[most:]
        whole = pd.concat([whole.iloc[:most], pd.Series({f"other ({len(rest)})": rest.sum()})])
    names = [short(label(value, grain)) for value in whole.index]
    axes.pie(
        whole.tolist(),
        labels=names,
        colors=PALETTE[: len(names) - 1] + ["#b5b5b5" if names[-1].startswith("other (") else PALETTE[len(names) - 1]],
        autopct=lambda percent: f"{percent:.1f} %" if percent >= 3 else "",
        pctdistance=0.78,
        startangle=90,
        counterclock=False,
        wedgeprops={"edgecolor": "white", "linewidth": 1.5},
        textprops={"fontsize": 9},
    )
    axes.axis("equal")
    axes.grid(False)
    axes.set_title("\n".join(textwrap.wrap(short(plan["title"], 150), 80)))
