PALETTE = ["#2f6db3", "#e0792b", "#3a9a75", "#c0559b", "#d9a514", "#58b1dd", "#7d4fa8", "#777777"]
NO_FONT = "Glyph .* missing from"


def set_style():
    warnings.filterwarnings("ignore", message=NO_FONT)
    known = {font.name for font in matplotlib.font_manager.fontManager.ttflist}
    fonts = [name for name in ("DejaVu Sans", "WenQuanYi Micro Hei", "Noto Sans CJK JP") if name in known]
    plt.rcParams.update({
        "font.family": fonts or ["sans-serif"],
        "font.size": 10,
        "text.parse_math": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#888888",
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.titlesize": 12,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 12,
        "axes.prop_cycle": matplotlib.cycler(color=PALETTE),
        "grid.color": "#e4e4e4",
        "legend.frameon": False,
    })


def axis_number(value, position=None):
    if abs(value) >= 1e12 or 0 < abs(value) < 1e-4:
        return "%g" % value
    return f"{round(value, 6):,.10g}" if abs(value) < 1e6 else f"{value:,.0f}"


def inches(axes):
    """How wide the axes are, roughly: a subplot has less room for labels."""
    return axes.figure.get_size_inches()[0] / axes.get_subplotspec().get_gridspec().ncols


def finish(axes, plan, x_numbers=False, y_numbers=True):
    axes.set_title("\n".join(textwrap.wrap(short(plan["title"], 150), 80)))
    if x_numbers:
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_major_formatter(axis_number)
    if y_numbers:
        axes.yaxis.set_major_formatter(axis_number)


def legend(axes, names, title):
    if len(names) > 1:
        axes.legend(title=short(title) if title else None, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def main_series(data, most=8):
    """The names of the largest series; how many there are in all is said when some are left out."""
    names = data.groupby("series", sort=False)["y"].sum().abs().sort_values(ascending=False).index.tolist()
    if len(names) > most:
        print(f"Shown: the {most} largest of {len(names)} series.")
    names = names[:most]
    return sorted(names, key=str) if len(data["x"].unique()) > 1 else names
