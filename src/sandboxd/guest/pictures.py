"""Pillow's images as results: bounded, and shown where E2B shows them: `image`, `image.show()`, `image.save("name")`."""

import io
import sys

from . import tracebacks

# A photograph of a phone has 4,000 or more; as a result on a screen nobody sees the difference.
MAX_SIDE = 2_048
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def bundle(image):
    """Nothing for an image that cannot be drawn."""
    try:
        small = image
        if max(image.size) > MAX_SIDE:
            small = image.copy()
            small.thumbnail((MAX_SIDE, MAX_SIDE))
        if small.mode not in PNG_MODES:
            small = small.convert("RGB")
        data = io.BytesIO()
        small.save(data, "PNG")
    except Exception:
        return {}
    return {"image/png": data.getvalue()}


def follow(module, display):
    """Nobody sees the window of a viewer here, so `show()` makes a result; so does saving, where the user's own code saves."""
    image = module.Image
    save = image.save

    def show(self, title=None):
        display(self)

    def save_and_show(self, fp, format=None, **params):
        save(self, fp, format, **params)
        caller = sys._getframe(1).f_code.co_filename
        if isinstance(fp, str) and caller.startswith(tracebacks.USER_PLACES):
            display(self)

    image.show = show
    image.save = save_and_show


def follow_plotly(module, display):
    """Its figures are shown as what they are, a specification in JSON: neither a page of 4 MB nor a browser."""
    figure = module.BaseFigure
    show_itself = figure.show

    def show(self, *arguments, **options):
        if arguments or "renderer" in options:
            show_itself(self, *arguments, **options)
        else:
            display(self)

    figure.show = show
    del figure._ipython_display_
