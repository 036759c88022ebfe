// One contract for all channels: whatever a person asks for, and wherever she writes, the same comes of it.
import { afterAll, beforeAll, setDefaultTimeout, test } from "bun:test";
import { cliDriver } from "./drivers/cli.ts";
import { WITHIN_MS, type Driver } from "./drivers/driver.ts";
import { notebookDriver, type NotebookDriver } from "./drivers/notebook.ts";
import { telegramDriver } from "./drivers/telegram.ts";
import { webDriver, type WebDriver } from "./drivers/web.ts";
import { whatsAppDriver } from "./drivers/whatsapp.ts";
import { openHouse, type House } from "./house.ts";
import { busy, stop, stopWord } from "./scenarios/busy.ts";
import { choice, ownWords, twoFiles } from "./scenarios/choices.ts";
import { anew, commands, filesAndAgain } from "./scenarios/commands.ts";
import { chart, followUp, severalFiles, twice } from "./scenarios/chart.ts";
import { greeting } from "./scenarios/greeting.ts";
import { askedName, hostileName, hostileOutput, hostileStatus, hostileWords } from "./scenarios/hostile.ts";
import { large, refusedPicture } from "./scenarios/large.ts";
import { refusal } from "./scenarios/refusal.ts";

// A terminal is one at a time: its chats wait for each other.
setDefaultTimeout(4 * WITHIN_MS);

const SCENARIOS = [
  greeting,
  chart,
  followUp,
  choice,
  ownWords,
  twoFiles,
  severalFiles,
  stop,
  stopWord,
  busy,
  commands,
  filesAndAgain,
  anew,
  refusal,
  twice,
  hostileWords,
  hostileOutput,
  hostileName,
  askedName,
  hostileStatus,
  large,
  refusedPicture,
];
const NAMES = ["web", "cli", "telegram", "whatsapp", "notebook"] as const;

let house: House;
let web: WebDriver;
let notebook: NotebookDriver;
let drivers: { readonly [name in (typeof NAMES)[number]]: Driver };

beforeAll(async () => {
  house = await openHouse();
  web = await webDriver(house);
  notebook = notebookDriver(house);
  drivers = { web, notebook, cli: cliDriver(house), telegram: telegramDriver(house), whatsapp: whatsAppDriver(house) };
});
afterAll(async () => {
  web[Symbol.dispose]();
  await notebook[Symbol.asyncDispose]();
  await house[Symbol.asyncDispose]();
});

// One after the other in the order of the scenarios, several at a time.
for (const { name, play } of SCENARIOS)
  for (const channel of NAMES) {
    test.concurrent(`${name} (${channel})`, () => play(drivers[channel]));
  }
