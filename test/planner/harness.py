"""Runs a rendered program as the sandbox would: figures that are open at plt.show() are saved, warnings are errors on stderr."""
import runpy
import sys
import warnings

import matplotlib

warnings.filterwarnings("ignore", message="Unable to import Axes3D")
matplotlib.use("Agg")
import matplotlib.pyplot as plt

shown = 0


def show(*args, **kwargs):
    global shown
    for number in plt.get_fignums():
        shown += 1
        plt.figure(number).savefig(f"figure{shown}.png")
    plt.close("all")


plt.show = show
runpy.run_path(sys.argv[1], run_name="__main__")
print(f"FIGURES {shown}")
