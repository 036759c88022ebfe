// Programs that know nothing but seven columns: SQLite's shell and Python's sqlite3 write rows into the table.
import { pause } from "../../src/shared/stop.ts";
import { append } from "./ledger.ts";
import { randomTask, sayTask } from "./task.ts";

export type StrangersOptions = {
  readonly ledger: string;
  readonly database: string;
  readonly hasRoom: () => boolean;
  readonly hasDeltas: () => boolean;
};

const MAX_ROWS = 8;
const BETWEEN_MS = 400;
const BUSY_MS = 20_000;

const PYTHON = `
import json, sqlite3, sys
board = sqlite3.connect(sys.argv[1], timeout=${BUSY_MS / 1_000})
for row in json.loads(sys.argv[2]):
    board.execute("INSERT INTO jobs VALUES (?, ?, 'pending', ?, NULL, ?, ?)", row)
board.commit()
`;

type Row = readonly [id: string, type: string, input: string, created: number, updated: number];

export class Strangers {
  readonly #options: StrangersOptions;
  #acknowledged = 0;
  #unsure = 0;

  constructor(options: StrangersOptions) {
    this.#options = options;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Rows of programs that ended with an error: they may be there or not. */
  get unsure(): number {
    return this.#unsure;
  }

  async keepWriting(stop: AbortSignal): Promise<void> {
    for (let turn = 0; !stop.aborted; turn += 1) {
      if (this.#options.hasRoom()) await this.#write(turn % 2 === 0 ? "shell" : "python");
      await pause(BETWEEN_MS * Math.random(), stop);
    }
  }

  async #write(door: "shell" | "python"): Promise<void> {
    const rows = Array.from({ length: 1 + Math.floor(Math.random() * MAX_ROWS) }, () => this.#row());
    const { database, ledger } = this.#options;
    const argv =
      door === "python"
        ? ["python3", "-c", PYTHON, database, JSON.stringify(rows)]
        : ["sqlite3", "-bail", "-cmd", `.timeout ${BUSY_MS}`, database, rows.map(insertion).join("\n")];
    const code = await Bun.spawn(argv, { stdio: ["ignore", "ignore", "inherit"] }).exited;
    if (code === 0) {
      for (const [job] of rows) append(ledger, { kind: "acknowledged", job, conversation: null, door });
      this.#acknowledged += rows.length;
    } else this.#unsure += rows.length;
  }

  #row(): Row {
    const now = Date.now();
    const id = crypto.randomUUID();
    const input = JSON.stringify({ prompt: sayTask(randomTask(id, this.#options.hasDeltas())) });
    return [id, Math.random() < 0.5 ? "chat" : "code_exec", input, now, now];
  }
}

/** Nothing in a row holds a quote. */
const insertion = ([id, type, input, created, updated]: Row): string =>
  `INSERT INTO jobs VALUES ('${id}', '${type}', 'pending', '${input}', NULL, ${created}, ${updated});`;
