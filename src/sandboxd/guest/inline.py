"""The matplotlib backend of a room: figures are drawn by Agg and shown as results of the cell."""

import sys

from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas
from matplotlib.backends.backend_agg import FigureManagerBase as FigureManager  # noqa: F401

__all__ = ["FigureCanvas", "FigureManager", "show"]


def show(*_arguments, **_options):
    """plt.show(): in a kernel the open figures become results; in a script of its own there is nobody to show them to."""
    main = sys.modules.get("__main__")
    display = getattr(main, "display", None)
    if hasattr(display, "figures"):
        display.figures()
