// Try the agent without a model: a server on this machine that plays a script, or answers by a small one of its own.
import { parseArgs } from "node:util";
import { echo } from "./echo.ts";
import { parseScript } from "./script_file.ts";
import { MockLlm, settingsFor } from "./server.ts";

const DEFAULT_PORT = 8795;

const { values, positionals } = parseArgs({
  options: { port: { type: "string", default: String(DEFAULT_PORT) } },
  allowPositionals: true,
});
const [file] = positionals;
const script = file === undefined ? echo : parseScript(await Bun.file(file).text());

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const ended = Promise.withResolvers<void>();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => ended.resolve());

await using server = new MockLlm(script, { port: Number(values.port) });
print("Put the lines of one of these into .env and start Sandpiper; Ctrl+C stops.\n");
for (const [wire, settings] of Object.entries(settingsFor(server.url))) {
  print(`# ${wire}`);
  for (const [name, value] of Object.entries(settings)) print(`${name}=${value}`);
  print("");
}
await ended.promise;
