import importlib.util, json, platform, shutil, socket
import matplotlib.pyplot as plt

wanted = ["pandas", "numpy", "matplotlib", "openpyxl", "pyarrow", "scipy", "sklearn", "seaborn", "sympy", "plotly"]

def network():
    try:
        socket.create_connection(("1.1.1.1", 443), timeout=2).close()
        return True
    except OSError:
        return False

plt.plot([1, 2, 3])
plt.show()
print(json.dumps({
    "python": platform.python_version(),
    "packages": [name for name in wanted if importlib.util.find_spec(name)],
    "browser": any(map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])),
    "network": network(),
}))
