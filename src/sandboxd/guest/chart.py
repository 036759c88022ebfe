"""The data of a figure in E2B's form (line, scatter, bar, pie, box_and_whisker, superchart, unknown).

Only attributes of matplotlib's objects are read. A series of more than 10,000 points is thinned evenly, and says so."""

import math
import re
import sys

from .tables import plain_json

MAX_POINTS = 10_000
MAX_SERIES = 500
MAX_LABELS = 2_000
MAX_AXES = 50
UNIT = re.compile(r"\s\((.*?)\)|\[(.*?)\]")


def extract(figure):
    """None for a figure without data."""
    axes = [one for one in figure.get_axes() if one.has_data()][:MAX_AXES]
    if not axes:
        return None
    if len(axes) == 1 and len(figure.get_axes()) == 1:
        return chart_of(axes[0])
    title = figure._suptitle.get_text() if figure._suptitle is not None else None
    return {"type": "superchart", "title": title or None, "elements": [chart_of(one) for one in figure.get_axes()[:MAX_AXES]]}


def chart_of(ax):
    kind = kind_of(ax)
    chart = {"type": kind, "title": ax.get_title() or ax.get_title("left") or ax.get_title("right") or None}
    return {**chart, **EXTRACTORS[kind](ax)}


def kind_of(ax):
    """By what was drawn, as E2B decides it."""
    artists = sys.modules["matplotlib"]
    line, text = artists.lines.Line2D, artists.text.Text
    patches, paths = artists.patches, artists.collections.PathCollection
    drawn = [one for one in ax.get_children() if one in ax._children and not isinstance(one, text)]
    if all(isinstance(one, line) for one in drawn):
        return "line"
    if all(isinstance(one, (patches.PathPatch, line)) for one in drawn):
        return "box_and_whisker"
    drawn = [one for one in drawn if not (isinstance(one, line) and is_straight(one))]
    if all(isinstance(one, paths) for one in drawn):
        return "scatter"
    if all(isinstance(one, patches.Wedge) for one in drawn):
        return "pie"
    if all(isinstance(one, patches.Rectangle) for one in drawn):
        return "bar"
    return "unknown"


def is_straight(line):
    """A grid line or a mean line: two points, horizontal or vertical."""
    xs, ys = line.get_xdata(), line.get_ydata()
    return len(xs) == 2 and len(ys) == 2 and (xs[0] == xs[1] or ys[0] == ys[1])


def labels_of(ax):
    x_label, y_label = ax.get_xlabel() or None, ax.get_ylabel() or None
    return {"x_label": x_label, "y_label": y_label, "x_unit": unit_in(x_label), "y_unit": unit_in(y_label)}


def unit_in(label):
    found = UNIT.search(label) if label else None
    return (found.group(1) or found.group(2)) if found else None


def swapped(labels):
    return {"x_label": labels["y_label"], "y_label": labels["x_label"],
            "x_unit": labels["y_unit"], "y_unit": labels["x_unit"]}


def point_axes(ax):
    found = labels_of(ax)
    for name, axis, scale in (("x", ax.xaxis, ax.get_xscale()), ("y", ax.yaxis, ax.get_yscale())):
        names = [label.get_text() for label in axis.get_ticklabels()[:MAX_LABELS]]
        ticks = ticks_of(axis)
        found.update({f"{name}_ticks": ticks, f"{name}_tick_labels": names, f"{name}_scale": scale_of(axis, scale, ticks, names)})
    return found


def is_date_axis(axis):
    """matplotlib's own converter or the one that pandas registers."""
    converter = converter_of(axis)
    return converter is not None and "Date" in type(converter).__name__


def converter_of(axis):
    # matplotlib 3.10 renamed the attribute.
    getter = getattr(axis, "get_converter", None)
    return getter() if getter is not None else getattr(axis, "converter", None)


def ticks_of(axis):
    ticks = list(axis.get_ticklocs())[:MAX_LABELS]
    if is_date_axis(axis):
        dates = sys.modules["matplotlib"].dates
        return [dates.num2date(tick).isoformat() for tick in ticks]
    return [plain_json(tick) for tick in ticks]


def scale_of(axis, scale, ticks, names):
    if is_date_axis(axis):
        return "datetime"
    if scale != "linear":
        return scale
    places = all(tick == index and str(index) != name for index, (tick, name) in enumerate(zip(ticks, names)))
    return "categorical" if places else "linear"


def thinned(xs, ys):
    """(points, how many there were); the last point is always kept."""
    total = min(len(xs), len(ys))
    step = max(1, math.ceil(total / MAX_POINTS))
    places = list(range(0, total, step))
    if places and places[-1] != total - 1:
        places[-1] = total - 1
    return [[point(xs[place]), point(ys[place])] for place in places], total


def point(value):
    """Dates of numpy to the second, everything else as plain JSON."""
    if type(value).__name__ == "datetime64":
        return str(value.astype("datetime64[s]"))
    return plain_json(value)


def series(label, xs, ys):
    points, total = thinned(xs, ys)
    found = {"label": label, "points": points}
    if total > len(points):
        found["points_total"] = total
    return found


def line_chart(ax):
    lines = [line for line in ax.get_lines() if not is_straight(line)][:MAX_SERIES]
    elements = [series(named(line.get_label(), "_child", "Line"), line.get_xdata(), line.get_ydata()) for line in lines]
    return {**point_axes(ax), "elements": elements}


def scatter_chart(ax):
    elements = []
    for collection in list(ax.collections)[:MAX_SERIES]:
        offsets = collection.get_offsets()
        elements.append(series(collection.get_label(), [one[0] for one in offsets], [one[1] for one in offsets]))
    return {**point_axes(ax), "elements": elements}


def bar_chart(ax):
    labels, elements = labels_of(ax), []
    is_sideways = all(getattr(one, "orientation", "vertical") == "horizontal" for one in ax.containers)
    axis = ax.yaxis if is_sideways else ax.xaxis
    names = [(tick, label.get_text()) for tick, label in zip(axis.get_ticklocs(), axis.get_ticklabels())]
    for container in list(ax.containers)[:MAX_SERIES]:
        group = named(container.get_label(), "_container", "Group")
        bars = [one for one in container if hasattr(one, "get_height")][:MAX_POINTS]
        for place, bar in enumerate(bars):
            value = bar.get_width() if is_sideways else bar.get_height()
            middle = bar.get_y() + bar.get_height() / 2 if is_sideways else bar.get_x() + bar.get_width() / 2
            label = bar_label(names, place, len(bars), middle)
            elements.append({"label": label, "group": group, "value": plain_json(value)})
    return {**(swapped(labels) if is_sideways else labels), "elements": elements}


def bar_label(names, place, count, middle):
    """One tick a bar names the bars; otherwise (a histogram) a bar is named by a tick at its middle, or by its middle."""
    if len(names) == count:
        return names[place][1]
    at = next((name for tick, name in names if name and abs(tick - middle) < 1e-9), None)
    return at if at is not None else str(rounded(middle))


def pie_chart(ax):
    wedges = list(ax.patches)[:MAX_SERIES]
    # matplotlib computes them with seven digits.
    return {"elements": [{"label": wedge.get_label(), "angle": rounded(abs(wedge.theta2 - wedge.theta1), digits=6),
                          "radius": plain_json(wedge.r)} for wedge in wedges]}


def box_chart(ax):
    """Boxes are patches; their median, whiskers and outliers are lines that are matched by position."""
    labels = labels_of(ax)
    boxes = [box_of(patch) for patch in list(ax.patches)[:MAX_SERIES]]
    # All boxes share one width; the side that differs less is the one across.
    is_sideways = len({box["height"] for box in boxes}) == 1 and len({box["width"] for box in boxes}) > 1
    if is_sideways:
        boxes = [{"x": box["y"], "y": box["x"], "width": box["height"], "height": box["width"]} for box in boxes]
    names = [label.get_text() for label in (ax.get_yticklabels() if is_sideways else ax.get_xticklabels())]
    elements = [{"label": names[place] if place < len(names) else str(place + 1), "min": box["y"],
                 "first_quartile": box["y"], "median": box["y"], "third_quartile": rounded(box["y"] + box["height"]),
                 "max": rounded(box["y"] + box["height"]), "outliers": []} for place, box in enumerate(boxes)]
    for line in list(ax.lines):
        xs, ys = [rounded(x) for x in line.get_xdata()], [rounded(y) for y in line.get_ydata()]
        if is_sideways:
            xs, ys = ys, xs
        for box, element in zip(boxes, elements):
            if xs and box["x"] <= xs[0] <= box["x"] + box["width"] and box["x"] <= xs[-1] <= box["x"] + box["width"]:
                place_line(element, box, xs, ys)
                break
    return {**(swapped(labels) if is_sideways else labels), "elements": elements}


def box_of(patch):
    vertices = patch.get_path().vertices
    xs, ys = [rounded(x) for x in vertices[:, 0]], [rounded(y) for y in vertices[:, 1]]
    return {"x": min(xs), "y": min(ys), "width": rounded(max(xs) - min(xs)), "height": rounded(max(ys) - min(ys))}


def place_line(element, box, xs, ys):
    low, high = box["y"], rounded(box["y"] + box["height"])
    if len(xs) == 2 and ys[0] == ys[1] and xs[0] != xs[1] and low <= ys[0] <= high:
        # A cap that lies on the box is drawn narrower than the median.
        if abs(xs[1] - xs[0]) >= box["width"] * 0.9:
            element["median"] = ys[0]
    elif len(xs) == 2 and xs[0] == xs[1]:
        element["min"], element["max"] = min(element["min"], *ys), max(element["max"], *ys)
    elif len(xs) != 2 or xs[0] == xs[1]:
        element["outliers"].extend(ys[:MAX_POINTS])


def named(label, prefix, word):
    """matplotlib numbers what has no name: `_child0`, `_container0`."""
    return f"{word} {label[len(prefix):]}" if label.startswith(prefix) else label


def rounded(number, digits=9):
    """What is left of a computation is not shown as data."""
    number = float(number)
    return float(f"{number:.{digits}g}") if math.isfinite(number) else None


EXTRACTORS = {
    "line": line_chart,
    "scatter": scatter_chart,
    "bar": bar_chart,
    "pie": pie_chart,
    "box_and_whisker": box_chart,
    "unknown": lambda _ax: {"elements": []},
}
