"""The matplotlib backend of a room: figures are drawn by Agg and shown as results of the cell."""

import sys

from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas
from matplotlib.backends.backend_agg import FigureManagerBase as FigureManager  # noqa: F401

from . import fonts

__all__ = ["FigureCanvas", "FigureManager", "show"]

# A script of its own has no kernel that has done so.
fonts.follow(font_manager)


def show(*_arguments, **_options):
    """plt.show(): in a kernel the open figures become results; in a script of its own there is nobody to show them to."""
    kernel = sys.modules.get("sandpiper.kernel")
    if kernel is not None and kernel.current is not None:
        kernel.current.show_figures()
