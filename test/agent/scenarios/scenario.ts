// What a scenario is, and what several of them need.
import type { House } from "../house.ts";

export type Scenario = {
  readonly name: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** Throws where something is not as it should be. */
  readonly play: (house: House) => Promise<void>;
};

const CSV = "region,amount\nNorth,10\nSouth,20\nNorth,30\nEast,40\n";
export const FILE = { "sales.csv": CSV };
export const LOAD = "import pandas as pd\ndf = pd.read_csv('/home/user/sales.csv')\n";

export function must(isSo: boolean, what: string, ...seen: readonly unknown[]): asserts isSo {
  if (!isSo) throw new Error(`${what}${seen.map((one) => `\n${JSON.stringify(one)}`).join("")}`);
}

export const failed = (status: number, headers: Record<string, string> = { "retry-after-ms": "5" }) =>
  ({ fault: { kind: "status", status, headers } }) as const;
