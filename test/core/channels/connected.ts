// A real core between a Telegram and a WhatsApp of this machine, with an owner on each.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { FakeGraph } from "../../../fakes/graph/server.ts";
import { FakeTelegram } from "../../../fakes/telegram/server.ts";
import { insertArtifact } from "../../../src/shared/artifacts.ts";
import { claimJobs, settleJob, type Claim } from "../../../src/shared/claims.ts";
import { setStanding } from "../../../src/shared/contacts.ts";
import { temporaryFolder } from "../../shared/temporary.ts";
import { startCore, type Core } from "../server.ts";

const ANN = 7;
const ADA = "4915112345678";
const PATIENCE_MS = 20_000;

export type Connected = Awaited<ReturnType<typeof startConnected>>;

/** `hook`: where WhatsApp posts to, given where core listens. */
export async function startConnected(hook: (url: string) => string = (url) => url) {
  const telegram = new FakeTelegram();
  const graph = new FakeGraph({ retryMs: [20, 50, 100, 200, 400, 800, 1_600] });
  const folder = temporaryFolder();
  const settings = settingsFor(telegram, graph, freePort());
  const start = () => startCore(settings, folder.path);
  let core = await start();
  graph.webhooks.url = hook(`http://127.0.0.1:${settings["SANDPIPER_WEBHOOK_PORT"]}/whatsapp`);
  await letIn(core, "telegram", telegram.token.split(":")[0] ?? "", String(ANN));
  await letIn(core, "whatsapp", graph.account.phoneNumberId, ADA);
  return {
    telegram,
    graph,
    ann: telegram.person({ id: ANN, firstName: "Ann" }),
    ada: graph.person({ name: "Ada", waId: ADA }),
    get core() {
      return core;
    },
    /** The next core in the same folder; the last one is gone. */
    restart: async () => {
      await core[Symbol.asyncDispose]();
      core = await start();
    },
    value: (sql: string) => core.board.read((tx) => Object.values(tx.get(sql) ?? {})[0]),
    [Symbol.asyncDispose]: async () => {
      await core[Symbol.asyncDispose]();
      await Promise.all([telegram[Symbol.asyncDispose](), graph[Symbol.asyncDispose]()]);
      folder[Symbol.dispose]();
    },
  };
}

/** Throws when it takes too long. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const giveUpAt = performance.now() + PATIENCE_MS; !(await isSo()); await Bun.sleep(5))
    if (performance.now() > giveUpAt) throw new Error(`It did not happen: ${isSo.toString()}`);
}

/** One that nobody listens on at this moment. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

export async function claim({ board }: Core): Promise<Claim> {
  const claims: Claim[] = [];
  await until(async () => {
    claims.push(...(await claimJobs(board, "1-a", () => 1, Date.now())));
    return claims.length > 0;
  });
  const [one] = claims;
  if (one === undefined) throw new Error("There was no job.");
  return one;
}

/** As a worker does, with one file; `write` makes it. */
export async function settle(
  { board, home }: Core,
  claimed: Claim,
  file: { readonly name: string; readonly mediaType: string; readonly bytes: number },
  write: (path: string) => Promise<unknown>,
): Promise<void> {
  const path = `storage/outputs/${claimed.jobId}/${file.name}`;
  mkdirSync(dirname(join(home, path)), { recursive: true });
  await write(join(home, path));
  const facts = { ...file, id: `a-${claimed.jobId}`, jobId: claimed.jobId, path, sha256: "0" };
  await board.write((tx) => insertArtifact(tx, facts, Date.now()));
  const output = { stdout: "", text: "Here it is.", artifacts: [path] };
  await settleJob(board, claimed, { output, error: null }, Date.now());
}

/** As a worker does that was told to stop: nothing is said of it. */
export async function abandon({ board }: Core, claimed: Claim): Promise<void> {
  const error = { code: "cancelled", message: "You stopped this." } as const;
  const output = { stdout: "", text: "", artifacts: [] };
  await settleJob(board, claimed, { output, error }, Date.now());
}

const letIn = ({ board }: Core, channel: string, account: string, person: string) =>
  board.write((tx) => setStanding(tx, { channel, account, person, standing: "owner" }, 0));

function settingsFor(telegram: FakeTelegram, { account, url }: FakeGraph, port: number): Record<string, string> {
  return {
    SANDPIPER_TELEGRAM_TOKEN: telegram.token,
    SANDPIPER_TELEGRAM_API: telegram.url,
    SANDPIPER_WHATSAPP_TOKEN: account.token,
    SANDPIPER_WHATSAPP_PHONE_ID: account.phoneNumberId,
    SANDPIPER_WHATSAPP_APP_SECRET: account.appSecret,
    SANDPIPER_WHATSAPP_VERIFY_TOKEN: account.verifyToken,
    SANDPIPER_WHATSAPP_API: url,
    SANDPIPER_WEBHOOK_PORT: String(port),
  };
}
