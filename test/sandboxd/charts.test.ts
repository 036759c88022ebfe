import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Sandbox } from "@e2b/code-interpreter";
import { startServer, type TestServer, WAYS } from "./harness.ts";

describe.each(WAYS)("the data of a chart, %s", (_name, way) => {
  let server: TestServer;
  let sandbox: Sandbox;
  beforeAll(async () => {
    server = await startServer(way);
    sandbox = await server.create();
    await sandbox.runCode("import pandas as pd, numpy as np, matplotlib.pyplot as plt");
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  const chartOf = async (code: string): Promise<unknown> => {
    const { results, error } = await sandbox.runCode(`${code};`);
    expect(error).toBeUndefined();
    return results[0]?.chart;
  };

  test("of a line has labels, units, scales and points", async () => {
    const code =
      "plt.plot([1, 2, 3], [4, 5, 6], label='a'); plt.title('T'); plt.xlabel('Time (s)'); plt.ylabel('U [mV]')";
    expect(await chartOf(code)).toMatchObject({
      type: "line",
      title: "T",
      x_label: "Time (s)",
      x_unit: "s",
      y_unit: "mV",
      x_scale: "linear",
      elements: [
        {
          label: "a",
          points: [
            [1, 4],
            [2, 5],
            [3, 6],
          ],
        },
      ],
    });
  });

  test("of dates has them as ISO text", async () => {
    const chart = await chartOf("plt.plot(pd.date_range('2024-01-01', periods=2), [1, 2])");
    expect(chart).toMatchObject({
      x_scale: "datetime",
      elements: [
        {
          points: [
            ["2024-01-01T00:00:00", 1],
            ["2024-01-02T00:00:00", 2],
          ],
        },
      ],
    });
  });

  test("of a scatter has points, of a pie angles", async () => {
    expect(await chartOf("plt.scatter([1, 2], [3, 4], label='s')")).toMatchObject({
      type: "scatter",
      title: null,
      elements: [
        {
          label: "s",
          points: [
            [1, 3],
            [2, 4],
          ],
        },
      ],
    });
    expect(await chartOf("plt.pie([9, 1], labels=['a', 'b'], startangle=90)")).toMatchObject({
      type: "pie",
      elements: [
        { label: "a", angle: 324, radius: 1 },
        { label: "b", angle: 36, radius: 1 },
      ],
    });
  });

  test("of bars names them, upright, sideways, grouped and as a histogram", async () => {
    expect(await chartOf("plt.bar(['x', 'y'], [3, 4])")).toMatchObject({
      type: "bar",
      elements: [
        { label: "x", value: 3 },
        { label: "y", value: 4 },
      ],
    });
    expect(await chartOf("plt.barh(['x', 'y'], [3, 3]); plt.xlabel('n')")).toMatchObject({
      y_label: "n",
      elements: [
        { label: "x", value: 3 },
        { label: "y", value: 3 },
      ],
    });
    expect(await chartOf("pd.DataFrame({'a': [1, 2], 'b': [3, 4]}, index=['r', 's']).plot.bar()")).toMatchObject({
      elements: [
        { label: "r", group: "a", value: 1 },
        { label: "s", group: "a" },
        { label: "r", group: "b" },
        { label: "s", group: "b", value: 4 },
      ],
    });
    expect(await chartOf("plt.hist([1, 1, 2], bins=2)")).toMatchObject({
      elements: [
        { label: "1.25", value: 2 },
        { label: "1.75", value: 1 },
      ],
    });
  });

  test("of boxes has quartiles, whiskers and outliers", async () => {
    expect(await chartOf("plt.boxplot([[1, 2, 3, 4, 20], [2, 3, 4]], patch_artist=True)")).toMatchObject({
      type: "box_and_whisker",
      elements: [
        { label: "1", min: 1, first_quartile: 2, median: 3, third_quartile: 4, max: 4, outliers: [20] },
        { label: "2", min: 2, median: 3, max: 4, outliers: [] },
      ],
    });
  });

  test("of several axes is a superchart, of a picture unknown, of an empty figure none", async () => {
    const chart = await chartOf("f, (a, b) = plt.subplots(1, 2); a.plot([1, 2]); b.bar(['q'], [1]); f.suptitle('S')");
    expect(chart).toMatchObject({ type: "superchart", title: "S", elements: [{ type: "line" }, { type: "bar" }] });
    expect(await chartOf("plt.imshow([[1, 2]])")).toMatchObject({ type: "unknown" });
    expect(await chartOf("plt.figure()")).toBeUndefined();
  });
});
