// Text that wants to be more than text: in a message, in the name of a file, in what comes out.
import { expect } from "bun:test";
import { until } from "../../e2e/until.ts";
import { WITHIN_MS } from "../drivers/driver.ts";
import { begin } from "./busy.ts";
import { allSaid, answersTo, file, only, REGIONS, type Scenario } from "./scenario.ts";

const OVERRIDE = "\u202e";
const MARKUP = "<b>bold</b> *star* _under_ `tick` ~~gone~~ [link](tg://user?id=1) &amp; <script>alert(1)</script>";
const EMOJI = "👩‍👩‍👧‍👦🇩🇪";

export const hostileWords: Scenario = {
  name: "markup, overrides and emoji in a message are text, and come back as text",
  play: async (driver) => {
    await using chat = await driver.open();
    const said = only(await answersTo(chat, `${MARKUP} ${OVERRIDE}${EMOJI}`));
    expect(said.words).toContain("without a file");
    const long = `Tell me ${"🙂 <i>".repeat(800)} the end`;
    only(await answersTo(chat, long));
    // A phone may have sent it in two parts.
    expect(chat.jobs()).toHaveLength(2);
    expect(chat.jobs().map(({ prompt }) => prompt.replaceAll("\n", ""))).toContain(long);
  },
};

export const hostileOutput: Scenario = {
  name: "markup that a program prints comes through as text",
  play: async (driver) => {
    await using chat = await driver.open();
    await answersTo(chat, "hello");
    await chat.run(`print(${JSON.stringify(`${MARKUP} ${EMOJI}`)})`);
    const answer = only((await allSaid(chat)).slice(1));
    expect(answer.words).toContain(MARKUP);
    expect(answer.words).toContain(EMOJI);
  },
};

/** As it is shown: what could disguise a name, or is no name on some disk, is an underscore. */
const NAME = `_draft_ <b>q *1* ${OVERRIDE}vsc.[x](y) ${"long ".repeat(20)}${EMOJI}.csv`;
const SHOWN = "_draft_ _b_q _1_ _vsc.[x](y) ";

export const hostileName: Scenario = {
  name: "markup and overrides in the name of a file and of a column come through as text",
  play: async (driver) => {
    await using chat = await driver.open();
    const table = REGIONS.replace("price", "<i>*price*</i>");
    const { words } = only(await answersTo(chat, "Summarise this", [file(NAME, table)]));
    expect(words).toContain("<i>*price*</i>");
    expect(words).not.toContain(OVERRIDE);
  },
};

export const askedName: Scenario = {
  name: "the question about a file with a hostile name shows that name",
  play: async (driver) => {
    await using chat = await driver.open();
    const { words } = only(
      await answersTo(chat, driver.can.asksAboutFiles === "page" ? "Graph this" : "", [file(NAME, REGIONS)]),
    );
    expect(words).toContain(SHOWN);
  },
};

export const hostileStatus: Scenario = {
  name: "/status shows what waits in the words in which it was asked",
  play: async (driver) => {
    await using chat = await driver.open();
    await begin(chat, 3);
    await chat.send(`Graph this ${MARKUP}`, [file("sales.csv", REGIONS)]);
    // Commands do not wait for the file.
    await until(() => chat.jobs().length === 3, WITHIN_MS);
    await chat.send("/status");
    const words = (await allSaid(chat)).find((one) => /waiting:/.test(one.words))?.words;
    // Where an address would become a link by itself there is a mark in it that nobody sees.
    expect(words?.replaceAll("\u2060", "")).toContain(MARKUP);
  },
};
