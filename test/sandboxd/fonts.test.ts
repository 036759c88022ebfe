import { describe, expect, test } from "bun:test";
import { withoutNotebook } from "./pythons.ts";
import { startServer } from "./harness.ts";

const DRAW = `
import warnings, matplotlib.pyplot as plt
warnings.simplefilter("error")

def drawn(text, **style):
    figure = plt.figure(figsize=(2, 1), dpi=100)
    figure.text(0.1, 0.4, text, fontsize=30, **style)
    figure.canvas.draw()
    pixels = bytes(figure.canvas.buffer_rgba())
    plt.close(figure)
    return pixels

words = ["漢字", "简体", "かな", "カナ", "한국"]
pictures = [drawn(word, **style) for word in words]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    box = drawn("\\U000e1000\\U000e1000", **style)
print(len(set(pictures)), box in pictures, box == drawn("  "))
`;
const STYLES = {
  "as it comes": "style = {}",
  "of seaborn": "style = {}\ntry:\n    import seaborn\n    seaborn.set_theme()\nexcept ImportError:\n    pass",
  "in bold serif": "style = {'family': 'serif', 'weight': 'bold'}",
  "in a font that people name": "plt.rcParams['font.family'] = 'SimHei'\nstyle = {}",
};

describe.each([
  { name: "set-up's Python", python: undefined },
  { name: "the system's Python", python: withoutNotebook() ?? undefined },
])("a chart of $name in Chinese, Japanese and Korean", ({ python }) => {
  test.each(Object.entries(STYLES))("draws letters and no boxes: %s", async (_name, style) => {
    await using server = await startServer({}, python === undefined ? {} : { python });
    const sandbox = await server.create();
    const { error, logs } = await sandbox.runCode(`import matplotlib.pyplot as plt\n${style}\n${DRAW}`);
    expect(error).toBeUndefined();
    expect(logs.stdout.join("")).toBe("5 False False\n");
    expect(logs.stderr.join("")).toBe("");
  });

  test("also in a script of its own, as a vector drawing and as a document", async () => {
    await using server = await startServer({}, python === undefined ? {} : { python });
    const sandbox = await server.create();
    await sandbox.files.write(
      "draw.py",
      "import warnings, matplotlib.pyplot as plt\nwarnings.simplefilter('error')\nplt.title('漢字 かな 한국어')\n" +
        "for kind in ('png', 'svg', 'pdf'): plt.savefig(f'chart.{kind}')\n",
    );
    const { error, logs } = await sandbox.runCode(
      "import subprocess, sys\nsubprocess.run([sys.executable, 'draw.py'], check=True)",
    );
    expect(logs.stderr.join("")).toBe("");
    expect(error).toBeUndefined();
  });
});
