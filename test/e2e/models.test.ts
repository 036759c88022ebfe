// Keys of models in a whole Sandpiper: the worker alone has them, they count at once, and nothing of ours writes them down.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { fakeProvider, listOf, type FakeProvider } from "../shared/fake_provider.ts";
import { launchBrowser, noBrowserReason, openPage } from "../web/browser.ts";
import { environmentOf } from "./processes.ts";
import { PATIENCE_MS, startSandpiper, type Sandpiper } from "./sandpiper.ts";

setDefaultTimeout(2 * PATIENCE_MS);

const SET = "sk-set-canary-0123456789";
/** Not of a form that a log would know as a key's. */
const ENTERED = "entered-canary-0123456789";

let provider: FakeProvider;
let proxy: FakeProvider;
let sandpiper: Sandpiper;
beforeAll(async () => {
  provider = fakeProvider();
  proxy = fakeProvider();
  provider.answer = () => {
    const { path = "", headers = {} } = provider.asked.at(-1) ?? {};
    if (path === "/v1/models") return listOf("one");
    // Providers say what they refuse, and with which key.
    const key = headers["x-api-key"] ?? headers["authorization"];
    const error = {
      type: "authentication_error",
      code: "invalid_api_key",
      message: `Incorrect API key provided: ${key}`,
    };
    return Response.json({ error }, { status: 401 });
  };
  sandpiper = await startSandpiper({
    ANTHROPIC_API_KEY: SET,
    ANTHROPIC_BASE_URL: provider.url,
    OPENAI_BASE_URL: provider.url,
    HTTP_PROXY: proxy.url,
  });
});
afterAll(async () => {
  await sandpiper[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

const post = (path: string, body: object) =>
  sandpiper.fetch(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
const askedOf = (path: string) => provider.asked.filter((one) => one.path === path);

test("the worker has the key of the environment, and no other program of ours", () => {
  const holders = ["core/server.ts", "worker/worker.ts", "sandboxd/server.ts"].filter((file) =>
    environmentOf(sandpiper.child(file).pid).join("\n").includes(SET),
  );
  expect(holders).toEqual(["worker/worker.ts"]);
});

async function enterOnThePage(): Promise<void> {
  const browser = await launchBrowser();
  try {
    await using opened = await openPage(browser, sandpiper.link);
    const { page, problems } = opened;
    await page.getByRole("button", { name: "Models" }).click();
    await page.getByRole("button", { name: "Set key …: OpenAI" }).click();
    await page.getByLabel("Key of OpenAI").fill(ENTERED);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: /^Use .*: OpenAI$/ }).click();
    await page.locator(".models-speaker").getByText("openai:").waitFor();
    expect(await page.content()).not.toContain(ENTERED);
    expect(problems).toEqual([]);
  } finally {
    await browser.close();
  }
}

async function enterOverHttp(): Promise<void> {
  expect((await post("/api/models/keys/openai", { key: ENTERED })).status).toBe(200);
  expect((await post("/api/models/chosen", { model: "openai" })).status).toBe(200);
}

test("a key that is entered and chosen is used by the next job, without a restart", async () => {
  await sandpiper.follow(await sandpiper.send({ text: "What is the capital of France?" }));
  expect(askedOf("/v1/messages")[0]?.headers).toMatchObject({ "x-api-key": SET });
  await (noBrowserReason === "" ? enterOnThePage() : enterOverHttp());
  await sandpiper.follow(await sandpiper.send({ text: "And of Spain?" }));
  expect(askedOf("/v1/responses")[0]?.headers).toMatchObject({ authorization: `Bearer ${ENTERED}` });
});

test("what is on this machine is not asked by way of a proxy", () => expect(proxy.asked).toEqual([]));

test("no file, answer or printed line has a key, though the provider repeats it, but the one file that keeps it", async () => {
  const found: string[] = [];
  for await (const path of new Bun.Glob("**/*").scan({ cwd: sandpiper.home, dot: true })) {
    const text = Buffer.from(await Bun.file(join(sandpiper.home, path)).arrayBuffer()).toString("latin1");
    if (text.includes(SET) || text.includes(ENTERED)) found.push(path);
  }
  expect(found).toEqual(["data/models.json"]);
  const paths = ["/api/models", "/api/events?limit=500", "/api/conversations", "/api/jobs", "/api/session"];
  const answers = await Promise.all(paths.map(async (path) => (await sandpiper.fetch(path)).text()));
  expect(answers.join("\n")).toContain("capital of France");
  for (const text of [...answers, sandpiper.printed()]) {
    expect(text).not.toContain(SET);
    expect(text).not.toContain(ENTERED);
  }
});
