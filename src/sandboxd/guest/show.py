"""What a value looks like: the rich forms that it offers, and figures with their chart data. Everything is bounded."""

import base64
import io
import json
import sys

from . import chart, tables

MAX_TEXT = 256 * 1024
MAX_RICH = 8 * 1024 * 1024

TEXT_FORMS = (
    ("html", "_repr_html_"),
    ("markdown", "_repr_markdown_"),
    ("svg", "_repr_svg_"),
    ("latex", "_repr_latex_"),
    ("javascript", "_repr_javascript_"),
)
BYTE_FORMS = (("png", "_repr_png_"), ("jpeg", "_repr_jpeg_"), ("pdf", "_repr_pdf_"))
MEDIA_TYPES = {
    "text/plain": "text",
    "text/html": "html",
    "text/markdown": "markdown",
    "image/svg+xml": "svg",
    "image/png": "png",
    "image/jpeg": "jpeg",
    "application/pdf": "pdf",
    "text/latex": "latex",
    "application/json": "json",
    "application/javascript": "javascript",
}


class Display:
    """`display(value, …)` in the user's code."""

    def __init__(self, out):
        self.out = out

    def __call__(self, *values, **_options):
        for value in values:
            self.out.result(forms(value), False)

    def __repr__(self):
        return "<function display>"

    def value(self, value):
        self.out.result(forms(value), True)

    def figures(self):
        """Every open figure becomes a result and is closed."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return
        for number in pyplot.get_fignums():
            figure = pyplot.figure(number)
            if figure.get_axes():
                self.out.result(figure_forms(figure), False)
            pyplot.close(figure)


def forms(value):
    if is_figure(value):
        return figure_forms(value)
    found = {"text": plain(value)}
    found.update(table_forms(value))
    found.update(declared_forms(value))
    return found


def is_figure(value):
    module = sys.modules.get("matplotlib.figure")
    return module is not None and isinstance(value, module.Figure)


def figure_forms(figure):
    image = io.BytesIO()
    figure.savefig(image, format="png", bbox_inches="tight")
    found = {"text": plain(figure), "png": base64.b64encode(image.getvalue()).decode("ascii")}
    try:
        data = chart.extract(figure)
    except Exception:
        data = None
    if data is not None:
        found["chart"] = data
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)
    return found


def table_forms(value):
    if isinstance(value, (dict, list)):
        plain_value = tables.strict_json(value)
        is_small = plain_value is not None and len(json.dumps(plain_value)) <= MAX_TEXT
        return {"json": plain_value} if is_small else {}
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.DataFrame):
        data = tables.columns(value)
        return {"data": data} if data is not None else {}
    return {}


def declared_forms(value):
    """The `_repr_*_` methods, as in a notebook; one that fails is left out."""
    if isinstance(value, type):
        return {}
    found = {}
    for name, method in TEXT_FORMS:
        text = call(value, method)
        if isinstance(text, str) and len(text) <= MAX_RICH:
            found[name] = text
    for name, method in BYTE_FORMS:
        add_bytes(found, name, call(value, method))
    bundle = call(value, "_repr_mimebundle_")
    if isinstance(bundle, tuple):
        bundle = bundle[0]
    if isinstance(bundle, dict):
        add_bundle(found, bundle)
    return found


def add_bundle(found, bundle):
    for media_type, content in bundle.items():
        name = MEDIA_TYPES.get(media_type, media_type)
        if isinstance(content, bytes):
            add_bytes(found, name, content)
        elif name == "json" or not isinstance(content, str):
            found[name] = tables.plain_json(content)
        elif len(content) <= MAX_RICH:
            found[name] = content


def add_bytes(found, name, data):
    if isinstance(data, tuple):
        data = data[0]
    if isinstance(data, bytes) and len(data) <= MAX_RICH:
        found[name] = base64.b64encode(data).decode("ascii")


def call(value, method):
    try:
        function = getattr(value, method, None)
        return function() if callable(function) else None
    except Exception:
        return None


def plain(value):
    """text/plain without the quotes around a string, as E2B sends it."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr() failed: {error}>"
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}… [{len(text) - MAX_TEXT} characters left out]"
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text
