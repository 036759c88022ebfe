// What the model says when nobody has written a script: it looks at the first table there is, draws it and says what came of it,
// and echoes where there is none.
import type { Asked, Turn } from "./script.ts";

const READERS: Readonly<Record<string, string>> = {
  csv: "read_csv",
  tsv: "read_table",
  xlsx: "read_excel",
  json: "read_json",
  parquet: "read_parquet",
};

export function echo(asked: Asked): Turn {
  if (asked.schema !== null && asked.tools.every(({ name }) => name === "json"))
    return { text: '{"file":"","plan":null}' };
  const last = asked.messages.at(-1);
  if (last?.role === "tool") return { text: `That ran. It showed:\n\n\`\`\`\n${last.text.slice(0, 1_000)}\n\`\`\`` };
  const words = last?.role === "user" ? last.text : "";
  const code = asked.mayCall && asked.tools.some(({ name }) => name === "run_python") ? lookAt(words) : null;
  if (code === null) return { text: `You said: ${words.slice(0, 500)}` };
  const input = { title: "Looking at the file", code };
  return { text: "I look at the file.", calls: [{ name: "run_python", input }] };
}

/** Null where no table is told of that can be read. */
function lookAt(words: string): string | null {
  const path = /- "(\/home\/user\/[^"]+)"/.exec(words)?.[1] ?? "";
  const reader = READERS[path.split(".").at(-1)?.toLowerCase() ?? ""];
  if (reader === undefined) return null;
  return `import pandas as pd
import matplotlib.pyplot as plt
df = pd.${reader}(${JSON.stringify(path)})
if not df.select_dtypes("number").empty:
    df.select_dtypes("number").plot()
    plt.show()
df.describe(include="all")`;
}
