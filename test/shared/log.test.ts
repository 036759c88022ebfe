// One JSON line an event, at the level asked for, and never a secret in it.
import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { AppError } from "../../src/shared/errors.ts";
import { createLog, maskSecrets, type LogLevel } from "../../src/shared/log.ts";

const Line = z.looseObject({ at: z.iso.datetime({ precision: 3 }), level: z.string() });
const HEX = "0123456789abcdef0123456789abcdef01234567";

function collect(level?: LogLevel) {
  const lines: string[] = [];
  const log = createLog("worker", level, (line) => void lines.push(line));
  const parsed = () => lines.map((line) => Line.parse(JSON.parse(line)));
  return { log, lines, parsed };
}

describe("a line", () => {
  test("says when, who, how bad, what, and the fields", () => {
    const { log, parsed } = collect();
    log.info("job-claimed", { jobId: "j1", attempt: 2 });
    const [{ at, ...rest } = { at: "" }] = parsed();
    expect(Math.abs(Date.now() - Date.parse(at))).toBeLessThan(60_000);
    expect(rest).toEqual({ process: "worker", level: "info", event: "job-claimed", jobId: "j1", attempt: 2 });
  });

  test("stays one line whatever is in it", () => {
    const { log, lines } = collect();
    log.info("output-received", { text: 'a\nb\r\n"quoted"\u0000' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/[\n\r\0]/);
  });

  test("keeps an error's name, text, place and cause", () => {
    const { log, lines, parsed } = collect();
    log.error("job-failed", { error: new Error("outer", { cause: new TypeError("inner") }) });
    expect(parsed()[0]).toMatchObject({
      error: {
        name: "Error",
        message: "outer",
        cause: { name: "TypeError", message: "inner" },
      },
    });
    expect(lines[0]).toContain("log.test.ts:");
  });

  test("keeps an error inside a list, and a cause that is no error", () => {
    const { log, parsed } = collect();
    log.warn("sandbox-lost", { errors: [new Error("first")], error: new Error("outer", { cause: "a string" }) });
    expect(parsed()[0]).toMatchObject({ errors: [{ message: "first" }], error: { cause: "a string" } });
  });

  test("keeps the code and detail of ours, and the errors of one that holds several", () => {
    const { log, parsed } = collect();
    log.error("job-failed", {
      error: new AppError("budget", "It is spent.", { detail: "since noon" }),
      several: new AggregateError([new Error("inner")], "outer"),
    });
    expect(parsed()[0]).toMatchObject({
      error: { code: "budget", detail: "since noon" },
      several: { errors: [{ message: "inner" }] },
    });
  });

  test("cannot be broken by a field that goes in circles or that JSON does not know", () => {
    const { log, lines } = collect();
    const circle: Record<string, unknown> = { name: "circle" };
    circle["self"] = circle;
    const ownCause = new Error("It caused itself.");
    ownCause.cause = ownCause;
    log.error("job-failed", { circle, ownCause, count: 1n });
    expect(lines[0]).toContain("It caused itself.");
    expect(lines[0]).toContain('"count":"1"');
  });

  test("cannot be disguised by a field that is called like its own", () => {
    const { log, parsed } = collect();
    log.error("job-failed", { level: "debug", event: "nothing-happened", at: 0, process: "other" });
    expect(parsed()[0]).toMatchObject({
      level: "error",
      event: "job-failed",
      process: "worker",
      event_: "nothing-happened",
    });
  });

  test("does not steer a terminal with 8-bit controls", () => {
    const { log, lines } = collect();
    log.info("file-stored", { name: "\u009b31m" });
    expect(lines[0]).not.toContain("\u009b");
  });
});

describe("the level", () => {
  test.each([
    ["debug", ["debug", "info", "warn", "error"]],
    ["info", ["info", "warn", "error"]],
    ["warn", ["warn", "error"]],
    ["error", ["error"]],
  ] as const)("%s writes itself and what is worse", (level, expected) => {
    const { log, parsed } = collect(level);
    for (const one of ["debug", "info", "warn", "error"] as const) log[one]("thing-happened");
    expect(parsed().map((line) => line.level)).toEqual([...expected]);
  });

  test("is info unless said otherwise", () => {
    const { log, lines } = collect();
    log.debug("thing-happened");
    expect(lines).toEqual([]);
  });
});

describe("a secret", () => {
  const secrets: readonly (readonly [name: string, text: string, secret: string])[] = [
    ["E2B's key", `key e2b_${HEX} refused`, HEX],
    ["OpenAI's key", `sk-proj-${HEX}`, HEX],
    ["OpenAI's older key", `Incorrect API key provided: sk-${HEX}.`, HEX],
    ["Anthropic's key", `x-api-key: sk-ant-api03-${HEX}-_AA`, `${HEX}-_AA`],
    ["Google's key", `AIza${HEX.slice(0, 35)}`, HEX.slice(0, 35)],
    ["Groq's key", `gsk_${HEX}`, HEX],
    ["Slack's token", `xoxb-1234567890-${HEX}`, HEX],
    ["GitHub's token", `ghp_${HEX.slice(0, 36)}`, HEX.slice(0, 36)],
    ["a Telegram token", `123456789:${"Ab-_5".repeat(7)}`, "Ab-_5".repeat(7)],
    ["a bearer token", `Authorization: Bearer ${HEX}.part/two+three==`, `${HEX}.part/two+three==`],
    ["a pairing link", `http://localhost:4747/#pair=${HEX}`, HEX],
    ["a key in an address", `https://models.example/v1?alt=sse&key=${HEX}`, HEX],
    ["a token in an address", `wss://host/live?token=${HEX}&after=4`, HEX],
    ["a token with a longer name", `https://host/?access_token=${HEX}`, HEX],
    ["a key with a longer name", `https://host/?a=1&api_key=${HEX}`, HEX],
    ["a signature", `https://host/?path=a&signature=v1_${HEX}`, HEX],
    ["a password in an address", `https://user:${HEX}@host/`, HEX],
    ["a bearer token in lower case", `authorization: bearer ${HEX}`, HEX],
    ["a key at the start of a line", `Traceback:\ne2b_${HEX}`, HEX],
    ["a Telegram token at the start of a line", `a\n123456789:${"A".repeat(35)}`, "A".repeat(35)],
    ["a Telegram token that ends in a dash", `bot123456789:${"A".repeat(34)}- x`, "A".repeat(34)],
    ["a Telegram token in an address", `https://api.telegram.org/bot123456789:${"A".repeat(35)}/getMe`, "A".repeat(35)],
  ];

  test.each(secrets)("of the kind «%s» is masked in a field", (_name, text, secret) => {
    const { log, lines } = collect();
    log.info("request-failed", { text, nested: [{ deep: text }] });
    expect(lines[0]).not.toContain(secret);
    expect(lines[0]?.match(/\*\*\*/g)).toHaveLength(2);
  });

  test.each(secrets)("of the kind «%s» is masked in an error, its stack and its cause", (_name, text, secret) => {
    const { log, lines } = collect();
    log.error("job-failed", { error: new Error(text, { cause: new Error(text) }) });
    expect(lines[0]).not.toContain(secret);
  });

  test("leaves what surrounds it, and valid JSON", () => {
    const { log, parsed } = collect();
    log.info("request-failed", { text: `before e2b_${HEX} after`, url: `http://h/?token=${HEX}&after=4` });
    expect(parsed()[0]).toMatchObject({ text: "before e2b_*** after", url: "http://h/?token=***&after=4" });
  });

  test("appears twice and is masked twice", () => {
    expect(maskSecrets(`e2b_${HEX} e2b_${HEX}`)).toBe("e2b_*** e2b_***");
  });

  test.each([
    "task-scheduler-with-a-long-name",
    "risk-free-investment-portfolio",
    "e2b_client.ts",
    "job 019ab3c4-1111-7222-8333-123456789abc took 00:12:34",
    "tokens=12 sort_key=created_at",
    "2026-11-22T10:11:12.345Z",
  ])("is not seen where there is none: %s", (text) => {
    expect(maskSecrets(text)).toBe(text);
  });
});
