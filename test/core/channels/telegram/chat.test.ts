// What Ann sees on Telegram of whole jobs, whatever Telegram does meanwhile.
import { describe, expect, test } from "bun:test";
import type { Fault } from "../../../../fakes/telegram/faults.ts";
import { FakeTelegram, TOKEN } from "../../../../fakes/telegram/server.ts";
import type { OpenChannel } from "../../../../src/core/channels/index.ts";
import { setStanding } from "../../../../src/shared/contacts.ts";
import { openTelegram } from "../../../../src/core/channels/telegram/telegram.ts";
import { png } from "../../../fakes/telegram_client.ts";
import { temporaryBoard } from "../../../shared/temporary.ts";
import { messengerOver, untilSo } from "../office.ts";
import { ANN, openTown, type Product } from "../town.ts";
import { HeldClock } from "./bot.ts";

const MIB = 2 ** 20;
const chart = (name: string): Product => ({ name, mediaType: "image/png", bytes: png(8, 4) });
const report: Product = { name: "report.pdf", mediaType: "application/pdf", bytes: Buffer.from("%PDF-1.7\n%%EOF\n") };

type Trouble = Fault extends infer One ? (One extends Fault ? Omit<One, "method" | "matches"> : never) : never;

describe("an answer", () => {
  test("of one chart is a photo with the words, byte by byte", async () => {
    await using town = await openTown();
    await town.annAsks("Here it **is**.", [chart("a.png")]);
    await town.until(() => town.annReads().length === 1);
    const [message] = town.annSees();
    expect(message).toMatchObject({ text: "Here it is.", file: { kind: "photo" } });
    expect(message?.file?.bytes).toEqual(png(8, 4));
  });

  test("of three charts and a PDF is one album with the words below the first, and a document", async () => {
    await using town = await openTown();
    await town.annAsks("Three of them.", [chart("a.png"), chart("b.png"), chart("c.png"), report]);
    await town.until(() => town.annSees().filter(({ file }) => file !== undefined).length === 4);
    const shown = town.annSees().map(({ text, file }) => [text, file?.kind]);
    expect(shown).toEqual([
      ["Three of them.", "photo"],
      ["", "photo"],
      ["", "photo"],
      ["", "document"],
    ]);
    const [first, second, third, last] = town.annSees();
    expect(first?.album).toBeString();
    expect([second?.album, third?.album, last?.album]).toEqual([first?.album, first?.album, undefined]);
    expect(last?.file?.bytes).toEqual(new Uint8Array(report.bytes));
  });

  test("with a file beyond the limit has a link to the dashboard, and no call is made for the file", async () => {
    await using town = await openTown();
    const large = { name: "all.csv", mediaType: "text/csv", bytes: new Uint8Array(51 * MIB) };
    await town.annAsks("Done.", [large]);
    await town.until(() => town.annReads().length === 1);
    await town.until(() => town.value("SELECT count(*) FROM deliveries WHERE ended_at IS NULL") === 0);
    expect(town.annReads()[0]).toMatch(
      /^Done\.\n\nall\.csv \(.* MB\) is too large to send here: http:\/\/localhost:\d+\/c\//,
    );
    expect(town.telegram.calls.filter(({ method }) => /Media|sendDocument|sendPhoto/.test(method))).toEqual([]);
  });
});

test("a table arrives byte by byte, and one that is too large is refused in friendly words without being fetched", async () => {
  await using town = await openTown();
  const bytes = new TextEncoder().encode("month,rain\n2024-01,80\n");
  town.ann.sendDocument({ name: "rain.csv", bytes }, { caption: "Graph this" });
  await town.settle(await town.claim(), "Done.");
  expect(town.value("SELECT sha256 FROM uploads")).toBe(Bun.SHA256.hash(bytes, "hex"));
  const before = town.telegram.callsOf("getFile").length;
  town.ann.sendDocument({ name: "huge.csv", bytes: new Uint8Array(20 * MIB + 1) }, { caption: "Graph this" });
  await town.until(() => town.annReads().some((words) => words.includes("Telegram lets bots read up to 20 MB")));
  expect(town.telegram.callsOf("getFile")).toHaveLength(before);
  expect(town.telegram.callsOf("download")).toHaveLength(before);
  expect(town.value("SELECT count(*) FROM jobs")).toBe(1);
});

const TROUBLES: { readonly [name: string]: Trouble } = {
  "a 500 before its effect": { kind: "status", code: 500 },
  "a 500 after its effect": { kind: "status", code: 500, isAfterEffect: true },
  "a proxy's page before its effect": { kind: "status", code: 502, isHtml: true },
  "a proxy's page after its effect": { kind: "status", code: 502, isHtml: true, isAfterEffect: true },
  "no answer": { kind: "hang" },
  "a cut before its effect": { kind: "drop-before-effect" },
  "a cut after its effect": { kind: "drop-after-effect" },
  "half an answer": { kind: "truncate" },
};

for (const method of ["sendMessage", "editMessageText"] as const)
  test.each(Object.entries(TROUBLES))(
    `an answer that meets %s at ${method} is read exactly once`,
    async (_name, trouble) => {
      await using town = await openTown();
      town.telegram.faults.add({ ...trouble, method, times: 2 });
      await town.annAsks("Forty-two.");
      // What hangs is given up after its time, and what failed is tried again after a while.
      await town.until(() => {
        town.move(1_000);
        return (
          town.telegram.faults.left === 0 && town.value("SELECT count(*) FROM deliveries WHERE state <> 'sent'") === 0
        );
      });
      await town.pass(600_000);
      expect(town.annReads()).toEqual(["Forty-two."]);
    },
  );

const WAITING = "SELECT count(*) FROM arrivals WHERE state = 'waiting'";

test("a bot of another token begins with lower numbers, and hears everything", async () => {
  using place = temporaryBoard();
  const clock = new HeldClock();
  for (const [bot, firstUpdateId] of [
    [7_000_000_001, 900],
    [7_000_000_002, 5],
  ] as const) {
    const token = TOKEN.replace("7000000001", String(bot));
    await using telegram = new FakeTelegram({ token, firstUpdateId });
    const open: OpenChannel = (_config, log) => () =>
      openTelegram({ token, apiUrl: telegram.url, webhook: null }, log, clock.timing);
    const owner = { channel: "telegram", account: String(bot), person: String(ANN), standing: "owner" } as const;
    await place.board.write((tx) => setStanding(tx, owner, 0));
    const ann = telegram.person({ id: ANN, firstName: "Ann" });
    for (const text of ["One", "Two", "Three"]) ann.say(`${text} to ${bot}`);
    const messenger = messengerOver(place, { telegram: open });
    await untilSo(
      () => telegram.updates.pendingCount + Number(place.value(WAITING)) === 0,
      () => place.rows("SELECT * FROM arrivals"),
    );
    await messenger.close();
  }
  expect(place.rows("SELECT text FROM messages ORDER BY rowid").map(({ text }) => text)).toEqual(
    [7_000_000_001, 7_000_000_002].flatMap((bot) => ["One", "Two", "Three"].map((text) => `${text} to ${bot}`)),
  );
});

test("a number that Telegram gives a second time, to another message, is another message", async () => {
  await using town = await openTown();
  const answers = ["One.", "Two.", "Three."];
  for (const [index, first] of [50, 900, 50].entries()) {
    town.telegram.updates.jumpTo(first);
    await town.annAsks(answers[index] ?? "");
    await town.until(() => town.annReads().length === index + 1 && town.telegram.updates.pendingCount === 0);
  }
  expect(town.annReads()).toEqual(answers);
});
