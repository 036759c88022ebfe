// A reply on four kinds of platform: nothing beyond what it can, nothing lost in silence.
import { describe, expect, spyOn, test } from "bun:test";
import * as fc from "fast-check";
import type { Button, Capabilities } from "../../src/core/channels/channel.ts";
import { Operation } from "../../src/core/channels/operation.ts";
import { render, type Reply, type ReplyFile } from "../../src/core/render.ts";

const RUNS = Number(process.env["SANDPIPER_TEST_RUNS"] ?? 600);
const SEED = process.env["SANDPIPER_TEST_SEED"];
const PATH = process.env["SANDPIPER_TEST_PATH"];
const again = SEED === undefined ? {} : { seed: Number(SEED), ...(PATH === undefined ? {} : { path: PATH }) };

const MB = 1_000_000;
const telegram: Capabilities = {
  textLength: 4_096,
  captionLength: 1_024,
  markup: "telegram-html",
  photoBytes: 10 * MB,
  fileBytes: 50 * MB,
  incomingFileBytes: 20 * MB,
  photoTypes: ["image/png", "image/jpeg"],
  albumSize: 10,
  buttons: { most: 8, titleLength: 40 },
  echoMs: 0,
  changeGapMs: 1_100,
  messagesPerJob: 20,
};
const whatsapp: Capabilities = {
  ...telegram,
  markup: "whatsapp",
  photoBytes: 5 * MB,
  fileBytes: 100 * MB,
  albumSize: 1,
  buttons: { most: 3, titleLength: 20, textLength: 1_024 },
  messagesPerJob: 2,
};
const plain: Capabilities = {
  ...whatsapp,
  markup: "plain",
  captionLength: 0,
  photoTypes: [],
  buttons: null,
  messagesPerJob: 5,
};
const web: Capabilities = {
  ...telegram,
  textLength: 1e6,
  captionLength: 1e6,
  markup: "markdown",
  photoTypes: ["image/png", "image/jpeg", "image/webp", "image/svg+xml"],
  buttons: { most: 20, titleLength: 80 },
  messagesPerJob: Infinity,
};
const PLATFORMS = { telegram, whatsapp, plain, web };

const DASHBOARD = "http://127.0.0.1:4400/c/01_ab_c";
const png = (name: string, more: Partial<ReplyFile> = {}): ReplyFile => ({
  artifact: `id-${name}`,
  name,
  mediaType: "image/png",
  bytes: 20_000,
  ...more,
});
const csv = (name: string, bytes = 1_000): ReplyFile => ({
  artifact: `id-${name}`,
  name,
  mediaType: "text/csv",
  bytes,
});
const pngs = (count: number): ReplyFile[] => Array.from({ length: count }, (_, at) => png(`${at}.png`));
const reply = (more: Partial<Reply>): Reply => ({
  markdown: "",
  files: [],
  actions: [],
  dashboard: DASHBOARD,
  ...more,
});
const press = (...titles: string[]): Button[] => titles.map((title) => ({ title, action: `v1:${title}` }));

/** An operation in a few characters: its kind, what is in it, its buttons. */
function shape(operation: Operation): string {
  const words = operation.kind === "text" ? operation.text : operation.caption;
  const files =
    operation.kind === "album" ? operation.artifacts : operation.kind === "text" ? [] : [operation.artifact];
  const buttons = operation.kind === "album" ? [] : operation.buttons.map(({ title }) => `[${title}]`);
  return [operation.kind, ...files.map((id) => id.replace("id-", "")), JSON.stringify(words), ...buttons].join(" ");
}

function shapes(can: Capabilities, more: Partial<Reply>): string[] {
  return render(reply(more), can).map(shape);
}

const long = "Sales rose a lot. ".repeat(100).trim();
const veryLong = Array.from({ length: 4_000 }, (_, at) => `word${at}`).join(" ");

describe("what is said and in which order:", () => {
  test.each(Object.entries(PLATFORMS))("nothing for nothing (%s)", (_name, can) => {
    expect(render(reply({}), can)).toEqual([]);
    expect(render(reply({ markdown: " \n\u200b" }), can)).toEqual([]);
  });

  test.each<[string, Capabilities, Partial<Reply>, string[]]>([
    ["words", telegram, { markdown: "Hi **you**" }, ['text "Hi <b>you</b>"']],
    ["words", whatsapp, { markdown: "Hi **you**" }, ['text "Hi *you*"']],
    ["words", web, { markdown: "Hi **you**" }, ['text "Hi **you**"']],
    ["a picture with its words", telegram, { markdown: "Look", files: [png("a")] }, ['photo a "Look"']],
    ["a picture alone", telegram, { files: [png("a")] }, ['photo a ""']],
    [
      "a picture where there are none",
      plain,
      { markdown: "Look", files: [png("a")] },
      ['document a ""', 'text "Look"'],
    ],
    ["an album", telegram, { markdown: "Look", files: pngs(3) }, ['album 0.png 1.png 2.png "Look"']],
    ["pictures one by one", whatsapp, { markdown: "Look", files: pngs(2) }, ['photo 0.png "Look"', 'photo 1.png ""']],
    [
      "other files after the words",
      telegram,
      { markdown: "Data", files: [csv("a")] },
      ['text "Data"', 'document a ""'],
    ],
    [
      "picture and data",
      telegram,
      { markdown: "Look", files: [csv("d"), png("a")] },
      ['photo a "Look"', 'document d ""'],
    ],
    [
      "buttons on the last",
      telegram,
      { markdown: "Look", files: [csv("d"), png("a")], actions: press("Again") },
      ['photo a "Look"', 'document d "" [Again]'],
    ],
    [
      "buttons on what can carry them",
      telegram,
      { markdown: "Look", files: pngs(2), actions: press("Again") },
      ['album 0.png 1.png "Look"', 'text "What next?" [Again]'],
    ],
    ["a question", whatsapp, { markdown: "Which?", actions: press("A", "B") }, ['text "Which?" [A] [B]']],
    ["buttons alone", telegram, { actions: press("A") }, ['text "What next?" [A]']],
    [
      "too many buttons",
      whatsapp,
      { markdown: "Which?", actions: press("A", "B", "C", "D") },
      ['text "Which?\\n\\nReply 4 for D" [A] [B] [C]'],
    ],
    [
      "a title that is too long",
      whatsapp,
      { markdown: "Which?", actions: press("Draw a chart of everything") },
      ['text "Which?" [Draw a chart of eve…]'],
    ],
    [
      "no buttons",
      plain,
      { markdown: "```\nx", actions: press("A_b_", "B") },
      ['text "x\\n\\nReply 1 for A_b_\\nReply 2 for B"'],
    ],
  ])("%s", (_name, can, more, expected) => {
    expect(shapes(can, more)).toEqual(expected);
  });

  test.each<[string, Capabilities, Partial<Reply>, string[]]>([
    ["a photo", telegram, { files: [png("a")], actions: press("Code") }, ['photo a "" [Code] [Original]']],
    ["an album", telegram, { files: pngs(2) }, ['album 0.png 1.png ""', 'text "What next?" [Original]']],
    ["photos one by one", whatsapp, { files: pngs(2) }, ['photo 0.png ""', 'photo 1.png "" [Original]']],
    ["no picture", telegram, { markdown: "Data", files: [csv("d")] }, ['text "Data"', 'document d ""']],
    ["a picture that is sent as a file", telegram, { files: [png("a", { bytes: 11 * MB })] }, ['document a ""']],
    ["a photo where nothing can be pressed", { ...telegram, buttons: null }, { files: [png("a")] }, ['photo a ""']],
  ])("the original is offered with photos alone: %s", (_name, can, more, expected) => {
    expect(shapes(can, { ...more, original: { title: "Original", action: "original:1" } })).toEqual(expected);
  });

  test("albums of ten, and a single one left is a photo", () => {
    const kinds = render(reply({ markdown: "Look", files: pngs(21) }), telegram).map((operation) =>
      operation.kind === "album" ? operation.artifacts.length : operation.kind,
    );
    expect(kinds).toEqual([10, 10, "photo"]);
  });

  test("a picture whose words are too long carries their beginning, and all of them follow", () => {
    const [photo, text, ...more] = render(reply({ markdown: long, files: [png("a"), csv("d")] }), telegram);
    expect(photo?.kind).toBe("photo");
    expect(photo?.plain).toMatch(/^(?:Sales rose a lot\. ?){40,}$/);
    expect(text).toMatchObject({ kind: "text", text: long });
    expect(more.map(shape)).toEqual(['document d ""']);
  });

  test("WhatsApp's buttons are on the photo when the words below it are too long for them", () => {
    const operations = render(reply({ markdown: long, files: [png("a")], actions: press("A") }), whatsapp);
    expect(operations.map((one) => [one.kind, one.kind === "album" ? 0 : one.buttons.length])).toEqual([
      ["photo", 1],
      ["text", 0],
    ]);
  });
});

describe("a file is sent as a file:", () => {
  test.each<[string, Partial<ReplyFile>]>([
    ["an SVG", { mediaType: "image/svg+xml" }],
    ["an SVG with a parameter", { mediaType: "Image/SVG+XML; charset=utf-8" }],
    ["HTML", { mediaType: "text/html" }],
    ["a picture of another type", { mediaType: "image/tiff" }],
    ["a picture of too many bytes", { bytes: 10 * MB + 1 }],
    ["a picture of too many pixels", { width: 9_000, height: 1_001 }],
    ["a picture too wide", { width: 2_001, height: 100 }],
  ])("%s", (_name, more) => {
    for (const can of [telegram, web]) {
      const [operation] = render(reply({ files: [png("a", more)] }), can);
      expect(operation?.kind).toBe("document");
    }
  });

  test("up to the limits it is a photo", () => {
    for (const more of [{ bytes: 10 * MB }, { width: 9_000, height: 1_000 }, { width: 2_000, height: 100 }])
      expect(render(reply({ files: [png("a", more)] }), telegram)[0]?.kind).toBe("photo");
  });

  test("the words hang on a picture that is sent as a file, too", () => {
    expect(shapes(telegram, { markdown: "Look", files: [png("a", { width: 90_000, height: 2 })] })).toEqual([
      'document a "Look"',
    ]);
  });
});

describe("what does not fit is named with a link:", () => {
  const link = `<a href="${DASHBOARD}">${DASHBOARD}</a>`;

  test("a file that is too large", () => {
    expect(shapes(telegram, { markdown: "Done.", files: [csv("all_data.csv", 51 * MB)] })).toEqual([
      `text ${JSON.stringify(`Done.\n\nall_data.csv (51 MB) is too large to send here: ${link}`)}`,
    ]);
    const many = Array.from({ length: 5 }, (_, at) => csv(`${at}.csv`, 60 * MB));
    expect(shapes(telegram, { files: many })[0]).toContain("2 more files too large as well");
  });

  test("a file of a kind that the platform does not take, and what else there is goes", () => {
    const can = { ...whatsapp, fileTypes: new Set(["image/png"]) };
    const drawing = { ...png("drawing.svg"), mediaType: "image/svg+xml" };
    const operations = render(
      { markdown: "Done.", files: [png("a.png"), drawing], actions: [], dashboard: DASHBOARD },
      can,
    );
    expect(operations).toMatchObject([{ kind: "photo", artifact: "id-a.png" }]);
    expect(operations[0]?.plain).toContain("Of a kind that cannot be sent here: drawing.svg");
    expect(operations[0]?.plain).toContain(DASHBOARD);
  });

  test("a name that is meant to look like something else", () => {
    const name = `<b>*x*</b>\n[a](https://evil.example)${"y".repeat(300)}`;
    const [operation] = render(reply({ files: [csv(name, 51 * MB)] }), telegram);
    expect(operation?.plain).toMatch(/^<b>\*x\*<\/b> \[a\]\(https:\/\/evil\.example\)y+… \(51 MB\) is too large/);
  });

  test("files beyond the messages of a job", () => {
    const files = [png("chart.png"), csv("a.csv"), csv("b.csv"), csv("c.csv")];
    expect(shapes(whatsapp, { markdown: "Look", files })).toEqual([
      `photo chart.png ${JSON.stringify(`Look\n\nNot sent here: 2 files (b.csv (1.0 kB), c.csv (1.0 kB)): ${DASHBOARD}`)}`,
      'document a.csv ""',
    ]);
    expect(shapes(whatsapp, { markdown: "Data", files: files.slice(1) })).toEqual([
      `text ${JSON.stringify(`Data\n\nNot sent here: 2 files (b.csv (1.0 kB), c.csv (1.0 kB)): ${DASHBOARD}`)}`,
      'document a.csv ""',
    ]);
  });

  test("a text beyond the messages of a job", () => {
    const operations = render(reply({ markdown: veryLong, files: [png("a"), csv("b.csv")] }), whatsapp);
    expect(operations.map(({ kind }) => kind)).toEqual(["photo", "text"]);
    expect(operations[1]?.plain).toEndWith(`\n\nThe rest of this answer and 1 file (b.csv (1.0 kB)): ${DASHBOARD}`);
  });

  test("all but one message: the picture has the beginning and the link", () => {
    const [photo, ...more] = render(reply({ markdown: long, files: [png("a")] }), { ...telegram, messagesPerJob: 1 });
    expect(more).toEqual([]);
    expect(photo?.plain).toMatch(/^Sales rose a lot\..*\n\nThe rest of this answer: http:/);
  });
});

test("a reply of 1 MB is cut to the messages of a job", () => {
  const operations = render(reply({ markdown: "Sales *rose*.\n\n".repeat(66_000), files: [png("a")] }), telegram);
  expect(operations).toHaveLength(20);
  expect(operations.at(-1)?.plain).toEndWith(`The rest of this answer: ${DASHBOARD}`);
});

test("of a long reply no more is read than its messages could hold twice", () => {
  // Whatever reads Markdown makes it well-formed first.
  using reads = spyOn(String.prototype, "toWellFormed");
  for (const markdown of [
    "Sales *rose*.\n\n".repeat(66_000),
    "[*_`<".repeat(200_000),
    "\n".repeat(1e6),
    "x".repeat(1e6),
  ]) {
    for (const can of [telegram, whatsapp, plain]) {
      reads.mockClear();
      const operations = render(reply({ markdown, files: [png("a"), csv("b.csv")] }), can);
      const sizes = reads.mock.contexts.map((text) => String(text).length);
      expect(sizes.length).toBeGreaterThan(0);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(2 * can.messagesPerJob * can.textLength);
      expect(operations.map(({ plain }) => plain).join()).toContain("The rest of this answer");
    }
  }
});

describe("whatever the reply and the platform,", () => {
  const anyWord = fc.integer({ min: 0, max: 999 }).map((number) => `word${number}x`);
  const anyText = fc
    .array(fc.tuple(anyWord, fc.constantFrom(" ", " ", "\n", "\n\n", "\n- ", "\n> ", " **", "** ", "\n\n# ", " & ")), {
      maxLength: 600,
      size: "max",
    })
    .map((pairs) => pairs.flat().join(""));
  const anyFile = fc.record({
    artifact: fc.uuid(),
    name: fc.string({ unit: "binary", minLength: 1, maxLength: 80 }),
    mediaType: fc.constantFrom("image/png", "image/png", "image/jpeg", "image/svg+xml", "text/html", "text/csv"),
    bytes: fc.constantFrom(10, 20_000, 6 * MB, 20 * MB, 60 * MB),
  });
  const anyReply = fc.record({
    markdown: fc.oneof(anyText, anyText, fc.string({ unit: "binary", maxLength: 3_000, size: "max" })),
    files: fc.oneof(fc.constant([]), fc.array(anyFile, { maxLength: 4 }), fc.array(anyFile, { maxLength: 30 })),
    actions: fc.array(
      fc.record({ title: fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }), action: fc.string() }),
      {
        maxLength: 6,
      },
    ),
    original: fc.constant({ title: "Original file", action: "original" }),
    dashboard: fc.constantFrom(DASHBOARD, ""),
  });
  const anyCan = fc
    .record({
      base: fc.constantFrom(...Object.values(PLATFORMS)),
      messagesPerJob: fc.option(fc.integer({ min: 1, max: 6 })),
      textLength: fc.option(fc.integer({ min: 400, max: 5_000 })),
      captionLength: fc.option(fc.integer({ min: 0, max: 1_024 })),
    })
    .map(({ base, ...wanted }): Capabilities => ({
      ...base,
      messagesPerJob: wanted.messagesPerJob ?? base.messagesPerJob,
      textLength: wanted.textLength ?? base.textLength,
      captionLength: Math.min(wanted.captionLength ?? base.captionLength, wanted.textLength ?? base.textLength),
    }));
  const check = (property: (reply: Reply, can: Capabilities) => void): void =>
    fc.assert(fc.property(anyReply, anyCan, property), { numRuns: RUNS, interruptAfterTimeLimit: 30_000, ...again });

  test("no operation is beyond what the platform can", () => {
    check((reply, can) => {
      const operations = render(reply, can);
      const sizes = new Map(reply.files.map((file) => [file.artifact, file]));
      expect(operations.length).toBeLessThanOrEqual(can.messagesPerJob);
      for (const operation of operations) {
        expect(Operation.parse(operation)).toEqual(operation);
        const buttons = operation.kind === "album" ? [] : operation.buttons;
        expect(buttons.length).toBeLessThanOrEqual(can.buttons?.most ?? 0);
        for (const { title } of buttons) expect(title.length).toBeLessThanOrEqual(can.buttons?.titleLength ?? 0);
        const words = operation.kind === "text" ? operation.text : operation.caption;
        const carried = buttons.length > 0 ? (can.buttons?.textLength ?? Infinity) : Infinity;
        const limit = operation.kind === "text" ? Math.min(can.textLength, carried) : can.captionLength;
        expect(Math.max(words.length, operation.plain.length)).toBeLessThanOrEqual(limit);
        if (operation.kind === "text") expect(operation.plain.trim()).not.toBe("");
        if (operation.kind === "album") expect(operation.artifacts.length).toBeWithin(2, can.albumSize + 1);
        const artifacts =
          operation.kind === "album" ? operation.artifacts : operation.kind === "text" ? [] : [operation.artifact];
        for (const artifact of artifacts) {
          const file = sizes.get(artifact);
          const isPhoto = operation.kind !== "document";
          expect(file?.bytes).toBeLessThanOrEqual(isPhoto ? can.photoBytes : can.fileBytes);
          if (isPhoto) expect(file?.mediaType).toMatch(/^image\/(?:png|jpeg)$/);
        }
      }
    });
  }, 60_000);

  test("each word and each file is said, or that it is not", () => {
    check((reply, can) => {
      const operations = render(reply, can);
      const words = operations.map((operation) => operation.plain).join("\n");
      const isCut = words.includes("The rest of this answer");
      const said = new Set(words.match(/word\d+x/g));
      const missing = new Set(reply.markdown.match(/word\d+x/g)).difference(said);
      if (!isCut) expect([...missing]).toEqual([]);
      const sent = new Set(
        operations.flatMap((one) => (one.kind === "album" ? one.artifacts : one.kind === "text" ? [] : [one.artifact])),
      );
      const unsent = reply.files.filter(({ artifact }) => !sent.has(artifact));
      const large = unsent.filter(({ bytes }) => bytes > can.fileBytes).length;
      if (large > 0 && !isCut) expect(words).toContain("too large");
      const named = `${unsent.length - large} file`;
      if (unsent.length > large)
        expect([named, `${reply.files.length} file`].some((some) => words.includes(some))).toBe(true);
      for (const [at, { title }] of reply.actions.entries()) {
        const isButton = operations.some((one) => one.kind !== "album" && one.buttons.length > at);
        if (title.trim() !== "" && !isButton && !isCut) expect(words).toContain(`Reply ${at + 1} for`);
      }
    });
  }, 60_000);
});
