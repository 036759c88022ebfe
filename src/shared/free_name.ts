// A name that nothing else has: `graph.png`, then `graph-2.png` …
import { extname } from "node:path";

export function freeName(name: string, isTaken: (candidate: string) => boolean): string {
  const extension = extname(name);
  const stem = name.slice(0, name.length - extension.length);
  let candidate = name;
  for (let count = 2; isTaken(candidate); count += 1) candidate = `${stem}-${count}${extension}`;
  return candidate;
}
