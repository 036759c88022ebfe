"""What a value looks like: the rich forms that it offers, and figures with their chart data. Everything is bounded."""

import base64
import io
import json
import sys

from . import tables

MAX_TEXT = 256 * 1024
MAX_RICH = 8 * 1024 * 1024

TEXT_FORMS = (
    ("text/html", "_repr_html_"),
    ("text/markdown", "_repr_markdown_"),
    ("image/svg+xml", "_repr_svg_"),
    ("text/latex", "_repr_latex_"),
    ("application/javascript", "_repr_javascript_"),
)
BYTE_FORMS = (("image/png", "_repr_png_"), ("image/jpeg", "_repr_jpeg_"), ("application/pdf", "_repr_pdf_"))
DATA, CHART, JSON = "e2b/data", "e2b/chart", "application/json"
FIELDS = {
    "text/plain": "text",
    "text/html": "html",
    "text/markdown": "markdown",
    "image/svg+xml": "svg",
    "image/png": "png",
    "image/jpeg": "jpeg",
    "application/pdf": "pdf",
    "text/latex": "latex",
    "application/javascript": "javascript",
    JSON: "json",
    DATA: "data",
    CHART: "chart",
}


def show_figures(publish):
    """Every open figure of matplotlib becomes a result and is closed. One that cannot be drawn does not stop the others."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    failure = None
    for number in pyplot.get_fignums() if pyplot is not None else ():
        figure = pyplot.figure(number)
        try:
            if figure.get_axes():
                publish(figure_bundle(figure))
        except Exception as error:
            failure = failure or error
        finally:
            pyplot.close(figure)
    if failure is not None:
        raise failure


def fields(bundle):
    """A bundle of media types as the fields of E2B's result; what has no field of its own is `extra`, as with E2B."""
    found, extra = {}, {}
    for media_type, content in bundle.items():
        name = FIELDS.get(media_type)
        if name in ("json", "data", "chart"):
            content = small(tables.plain_json(content))
        elif name is not None or isinstance(content, (str, bytes)):
            content = bounded(content, name)
        else:
            content = small(tables.plain_json(content))
        if content is not None:
            (found if name is not None else extra)[name or media_type] = content
    if extra:
        # E2B's JavaScript client hides `extra`; a chart of plotly or altair is a specification in JSON.
        specification = next((one for one in extra.values() if isinstance(one, dict)), None)
        found = {**found, "extra": extra, **({} if "json" in found or specification is None else {"json": specification})}
    return found


def bounded(content, name):
    if isinstance(content, bytes):
        return base64.b64encode(content).decode("ascii") if len(content) <= MAX_RICH else None
    text = "".join(map(str, content)) if isinstance(content, (list, tuple)) else str(content)
    if name == "text":
        return plain_text(text)
    return text if len(text) <= MAX_RICH else None


def small(value):
    return value if len(json.dumps(value)) <= MAX_RICH else None


def bundle_of(value):
    """As a notebook would show it: by the `_repr_*_` methods; one that fails is left out."""
    found = special(value)
    if found is None:
        found = {"text/plain": plain(value), **declared(value), **additional(value)}
    return found


def special(value):
    """What is shown in one way, whatever it says of itself: figures and pictures. None for everything else."""
    if is_figure(value):
        return figure_bundle(value)
    if is_picture(value):
        from . import pictures

        return {"text/plain": plain(value), **pictures.bundle(value)}
    return None


def is_figure(value):
    module = sys.modules.get("matplotlib.figure")
    return module is not None and isinstance(value, module.Figure)


def is_picture(value):
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def figure_bundle(figure):
    """It is closed afterwards, so that the end of the cell does not show it again."""
    from . import chart

    image = io.BytesIO()
    figure.savefig(image, format="png", bbox_inches="tight")
    found = {"text/plain": plain(figure), "image/png": image.getvalue()}
    try:
        data = chart.extract(figure)
    except Exception:
        data = None
    if data is not None:
        found[CHART] = data
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)
    return found


def additional(value):
    """What E2B adds to a notebook's forms: tables as data, dicts and lists as JSON."""
    if isinstance(value, (dict, list)):
        # Each entry takes two characters at least.
        if len(value) > MAX_TEXT // 2:
            return {}
        plain_value = tables.strict_json(value)
        is_small = plain_value is not None and len(json.dumps(plain_value)) <= MAX_TEXT
        return {JSON: plain_value} if is_small else {}
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.DataFrame):
        data = tables.columns(value)
        return {DATA: data} if data is not None else {}
    return {}


def declared(value):
    if isinstance(value, type):
        return {}
    offers = [(media_type, call(value, method)) for media_type, method in TEXT_FORMS]
    found = {media_type: text for media_type, text in offers if isinstance(text, str)}
    for media_type, method in BYTE_FORMS:
        data = without_metadata(call(value, method))
        if isinstance(data, bytes):
            found[media_type] = data
    bundle = without_metadata(call(value, "_repr_mimebundle_"))
    return {**found, **bundle} if isinstance(bundle, dict) else found


def without_metadata(form):
    return form[0] if isinstance(form, tuple) and form else form


def call(value, method):
    try:
        function = getattr(value, method, None)
        return function() if callable(function) else None
    except Exception:
        return None


def plain(value):
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr() failed: {error}>"
    return shortened(text)


def plain_text(text):
    """text/plain without the quotes around a string, as E2B sends it."""
    text = shortened(text)
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"" else text


def shortened(text):
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]}… [{len(text) - MAX_TEXT} characters left out]"
