// The same work without a sandbox: Python started for it, and a Jupyter kernel started for it.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { findTools } from "../../src/sandboxd/tools.ts";
import type { Workshop } from "../board/workshop.ts";
import { median } from "../report.ts";
import { ROOT } from "./server.ts";

type Figure = number | string;
/** Medians in ms; in words what could not be had. */
export type PeerFigures = {
  readonly python3: { readonly print: Figure; readonly plot: Figure };
  readonly ipykernel: { readonly print: Figure; readonly plot: Figure };
};

const NONE: Figure = "could not be had here";
export const NO_PEERS: PeerFigures = { python3: { print: NONE, plot: NONE }, ipykernel: { print: NONE, plot: NONE } };

/** With the Python that the rooms have, where this machine can start it; ipykernel comes from pip and goes again. */
export async function measurePeers(workshop: Workshop, rounds: number): Promise<PeerFigures> {
  const bwrap = process.env["SANDPIPER_BWRAP"] ?? "";
  const { python } = findTools({ root: ROOT, bwrap, python: process.env["SANDPIPER_PYTHON"] ?? "" });
  const program = workshop.start(
    [python.executable, join(import.meta.dir, "programs/peers.py"), workshop.home(), findPip(), String(rounds)],
    { speaks: "lines", env: { ...process.env, PYTHONPATH: python.site ?? "", OPENBLAS_NUM_THREADS: "1" } },
  );
  const { figures } = await program.next("done");
  await program.kill();
  const figure = (name: string): Figure => {
    const values = figures[name] ?? [];
    return values.length === 0 ? NONE : median(values);
  };
  return {
    python3: { print: figure("pythonPrint"), plot: figure("pythonPlot") },
    ipykernel: { print: figure("kernelPrint"), plot: figure("kernelPlot") },
  };
}

/** Set-up's pip is a file that Python can run; "" where there is none. */
function findPip(): string {
  try {
    const name = readdirSync(join(ROOT, ".tools")).find((one) => /^pip-.*\.whl$/.test(one));
    return name === undefined ? "" : join(ROOT, ".tools", name, "pip");
  } catch {
    return "";
  }
}
