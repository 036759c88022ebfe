// Text that wants to be more than text: in a message, in the name of a file, in what comes out.
import { expect } from "bun:test";
import { allSaid, answersTo, file, only, REGIONS, type Scenario } from "./scenario.ts";

const OVERRIDE = "\u202e";
const MARKUP = "<b>bold</b> *star* _under_ `tick` ~~gone~~ [link](http://example.com) &amp; <script>alert(1)</script>";
const EMOJI = "👩‍👩‍👧‍👦🇩🇪";

export const hostileWords: Scenario = {
  name: "markup, overrides and emoji in a message are text, and come back as text",
  play: async (driver) => {
    await using chat = await driver.open();
    const said = only(await answersTo(chat, `${MARKUP} ${OVERRIDE}${EMOJI}`));
    expect(said.words).toContain("without a file");
    await answersTo(chat, `Tell me ${"🙂 <i>".repeat(800)} the end`);
    expect((await allSaid(chat)).length).toBe(2);
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

export const hostileName: Scenario = {
  name: "markup and overrides in the name of a file come through as text, and nothing breaks",
  play: async (driver) => {
    await using chat = await driver.open();
    const name = `<b>q</b> *1* ${OVERRIDE}vsc.${EMOJI}[x](y).csv`;
    const { words } = only(await answersTo(chat, "Summarise this", [file(name, REGIONS.replace("price", "<i>*price*</i>"))]));
    expect(words).toContain("<i>*price*</i>");
    expect(words).not.toContain(OVERRIDE);
    console.log(driver.name, JSON.stringify(words.slice(0, 200)), JSON.stringify(words.match(/.*price.*/)?.[0]));
  },
};
