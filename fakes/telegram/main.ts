// Try the assistant on Telegram without Telegram: a service on this machine, and this terminal as the person's phone.
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { FakeTelegram } from "./server.ts";
import { HELP, Terminal } from "./terminal.ts";

const DEFAULT_PORT = 8790;
const FOLDER = "fake-telegram";

const { values } = parseArgs({ options: { port: { type: "string", default: String(DEFAULT_PORT) } } });
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const ended = Promise.withResolvers<void>();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => ended.resolve());

await using telegram = new FakeTelegram({ port: Number(values.port) });
const person = telegram.person({ id: 1001, firstName: "You", username: "you" });
const terminal = new Terminal(telegram, person, FOLDER, print);

print("Put these two lines into .env and start Sandpiper:\n");
print(`SANDPIPER_TELEGRAM_TOKEN=${telegram.token}`);
print(`SANDPIPER_TELEGRAM_API=${telegram.url}\n`);
print(HELP);

const unfollow = terminal.follow();
const lines = createInterface({ input: process.stdin });
// One line after the other: a file that is read must not be overtaken. The end of the input is not the end of the bot.
let last = Promise.resolve();
lines.on("line", (line) => void (last = last.then(() => terminal.enter(line))));
await ended.promise;
lines.close();
await unfollow();
