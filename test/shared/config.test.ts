// Settings: what is read, what is refused and with which sentence, and what a child never gets to see.
import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import {
  closeEnvironmentFile,
  loadConfig,
  readEnvironment,
  settingsOfShell,
  withChannels,
  withoutChannels,
  withoutKeys,
} from "../../src/shared/config.ts";
import { SETTINGS } from "../../src/shared/settings.ts";
import { AppError } from "../../src/shared/errors.ts";

const KEY = "e2b_0123456789abcdef0123456789abcdef01234567";

/** The error that `loadConfig` throws. */
function refusal(environment: Record<string, string>): AppError {
  try {
    loadConfig(environment, "/project");
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("The configuration was accepted.");
}

describe("with nothing set", () => {
  const config = loadConfig({}, "/project");

  test("work happens on this machine, below the project folder", () => {
    expect(config.sandbox).toBe("local");
    expect(config.dataDir).toBe("/project/data");
    expect(config.storageDir).toBe("/project/storage");
    expect(config.warnings).toEqual([]);
  });

  test("the documented defaults hold", () => {
    expect(config.port).toBe(4747);
    expect(config.jobTimeoutMs).toBe(300_000);
    expect(config.maxUploadBytes).toBe(100 * 1024 * 1024);
    expect(config.maxOutputBytes).toBe(1024 * 1024);
    expect(config.sandboxMemoryBytes).toBe(2 * 1024 ** 3);
    expect(config.storageBytes).toBe(5 * 1024 ** 3);
    expect(config.minFreeBytes).toBe(200 * 1024 * 1024);
    expect(config.keepDays).toBe(30);
    expect(config.synchronous).toBe("full");
    expect(config.openBrowser).toBe(true);
    expect(config.logLevel).toBe("info");
  });

  test("blank values are the same as none", () => {
    const blank = Object.fromEntries(SETTINGS.map(({ env }) => [env, " \t"]));
    expect(loadConfig(blank, "/project")).toEqual(config);
  });
});

describe("a number", () => {
  test.each(["0", "65535", " 8080 "])("port %p is taken", (value) => {
    expect(loadConfig({ SANDPIPER_PORT: value }, "/project").port).toBe(Number(value));
  });

  test.each(["-1", "65536", "http", "80 80", "12px", "NaN", "Infinity", "1_000", "80.5", "0x1F"])(
    "port %p is refused",
    (value) => {
      expect(refusal({ SANDPIPER_PORT: value }).code).toBe("config");
    },
  );

  test("is refused with its name, its value and the range", () => {
    expect(refusal({ SANDPIPER_JOB_SECONDS: "soon" }).message).toBe(
      'SANDPIPER_JOB_SECONDS is "soon", but must be a number from 1 to 86400.',
    );
  });

  test("of zero dollars a day is a budget, not a missing value", () => {
    expect(loadConfig({ SANDPIPER_DAY_USD: "0" }, "/project").budget.day).toBe(0);
    expect(loadConfig({ SANDPIPER_DAY_USD: "0.25" }, "/project").budget).toEqual({
      job: 500_000,
      day: 250_000,
      month: 20_000_000,
    });
  });

  test("of jobs side by side is whole and at least one", () => {
    expect(refusal({ SANDPIPER_CONCURRENCY: "0" }).message).toContain("from 1 to 64");
    expect(refusal({ SANDPIPER_CONCURRENCY: "1.5" }).message).toContain("whole number");
  });

  test("of days to keep may be zero, and of free space too", () => {
    const config = loadConfig({ SANDPIPER_KEEP_DAYS: "0", SANDPIPER_MIN_FREE_MB: "0" }, "/project");
    expect([config.keepDays, config.minFreeBytes]).toEqual([0, 0]);
    expect(refusal({ SANDPIPER_KEEP_DAYS: "-1" }).message).toContain("SANDPIPER_KEEP_DAYS");
  });

  test("of gibibytes may have a fraction, but storage is never nothing", () => {
    expect(loadConfig({ SANDPIPER_STORAGE_GB: "0.5" }, "/project").storageBytes).toBe(2 ** 29);
    expect(refusal({ SANDPIPER_STORAGE_GB: "0" }).message).toContain("from 0.01 to 1000000");
  });

  test("of mebibytes may have a fraction, and makes whole bytes", () => {
    expect(loadConfig({ SANDPIPER_MAX_UPLOAD_MB: "1.1" }, "/project").maxUploadBytes).toBe(1_153_433);
    expect(loadConfig({ SANDPIPER_MAX_OUTPUT_MB: "0.01" }, "/project").maxOutputBytes).toBe(10_485);
  });
});

describe("a choice", () => {
  test("is refused with what there is to choose", () => {
    expect(refusal({ SANDPIPER_LOG: "loud" }).message).toBe(
      'SANDPIPER_LOG is "loud", but must be one of: debug, info, warn, error.',
    );
    expect(refusal({ SANDPIPER_SYNCHRONOUS: "off" }).message).toContain("full, normal");
    expect(refusal({ SANDPIPER_OPEN: "yes" }).message).toContain("0, 1");
    expect(refusal({ SANDPIPER_SANDBOX: "docker" }).message).toContain("local, e2b");
  });

  test("of a closed browser is kept", () => {
    expect(loadConfig({ SANDPIPER_OPEN: "0" }, "/project").openBrowser).toBe(false);
  });
});

describe("where code runs", () => {
  test("a key moves the work to E2B", () => {
    const config = loadConfig({ E2B_API_KEY: KEY }, "/project");
    expect(config.sandbox).toBe("e2b");
    expect(config.e2b).toMatchObject({ apiKey: KEY, domain: "", apiUrl: "" });
  });

  test("local is obeyed in spite of a key or a server", () => {
    expect(loadConfig({ E2B_API_KEY: KEY, SANDPIPER_SANDBOX: "local" }, "/project").sandbox).toBe("local");
    expect(loadConfig({ E2B_DOMAIN: "e2b.example", SANDPIPER_SANDBOX: "local" }, "/project").sandbox).toBe("local");
  });

  test.each([
    { SANDPIPER_SANDBOX: "e2b" },
    { E2B_DOMAIN: "e2b.example" },
    { E2B_API_URL: "https://api.e2b.example" },
    { SANDPIPER_SANDBOX: "e2b", E2B_API_KEY: "  " },
  ])("E2B without a key is refused, never replaced by this machine: %p", (environment) => {
    const { message } = refusal(environment);
    expect(message).toContain("E2B_API_KEY is not set");
    expect(message).toContain("SANDPIPER_SANDBOX=local");
  });

  test("a program that is started without the key is told what the others do", () => {
    const environment = { SANDPIPER_SUPERVISED: "1", SANDPIPER_SANDBOX: "e2b" };
    expect(loadConfig(environment, "/project").sandbox).toBe("e2b");
  });

  test("another server of the protocol is an address", () => {
    const config = loadConfig({ E2B_API_KEY: KEY, E2B_API_URL: "https://api.e2b.example" }, "/project");
    expect(config.sandbox).toBe("e2b");
    expect(config.e2b.apiUrl).toBe("https://api.e2b.example");
  });

  test("a refusal never shows the key", () => {
    expect(refusal({ E2B_API_KEY: KEY, SANDPIPER_PORT: "x" }).message).not.toContain(KEY);
  });
});

describe("the home folder", () => {
  test("moves data and storage, not the project", () => {
    const config = loadConfig({ SANDPIPER_HOME: "/var/lib/sandpiper" }, "/project");
    expect([config.root, config.home]).toEqual(["/project", "/var/lib/sandpiper"]);
    expect([config.dataDir, config.storageDir]).toEqual(["/var/lib/sandpiper/data", "/var/lib/sandpiper/storage"]);
  });

  test("may begin with ~, as in a shell", () => {
    expect(loadConfig({ SANDPIPER_HOME: "~/mine" }, "/project").home).toBe(join(homedir(), "mine"));
  });

  test("is relative to the project folder", () => {
    expect(loadConfig({ SANDPIPER_HOME: "mine" }, "/project").home).toBe("/project/mine");
  });
});

describe("a misspelt setting", () => {
  test("is answered with the nearest one", () => {
    expect(loadConfig({ SANDPIPER_PROT: "1" }, "/project").warnings).toEqual([
      "SANDPIPER_PROT is not a setting. Did you mean SANDPIPER_PORT?",
    ]);
    expect(loadConfig({ SANDPIPER_MEMORY: "1" }, "/project").warnings[0]).toContain("SANDPIPER_MEMORY_MB?");
  });

  test("that was one and is none any more is answered with what took its place", () => {
    expect(loadConfig({ SANDPIPER_E2B_DAILY_USD: "5" }, "/project").warnings).toEqual([
      "SANDPIPER_E2B_DAILY_USD is no setting any more and limits nothing. Set SANDPIPER_DAY_USD, which is for models and sandboxes together.",
    ]);
  });

  test("is never answered with one that is not for people", () => {
    expect(loadConfig({ SANDPIPER_SANDBOX_PORT: "1" }, "/project").warnings[0]).not.toContain("SANDBOXD");
  });

  test("of somebody else is none of our business", () => {
    expect(
      loadConfig({ PATH: "/bin", SANDPIPERX: "1", E2B_OTHER: "1", SANDPIPER_TEST_USER: "1" }, "/project").warnings,
    ).toEqual([]);
  });
});

describe("the .env file", () => {
  const folders: string[] = [];
  function folderWith(text: string): string {
    const folder = mkdtempSync(join(tmpdir(), "sandpiper-config-"));
    folders.push(folder);
    writeFileSync(join(folder, ".env"), text);
    return folder;
  }

  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  test("is read with comments, quotes, Windows line ends and a byte order mark", () => {
    const folder = folderWith('\uFEFFSANDPIPER_PORT=5000\r\n# a comment\r\nSANDPIPER_HOME="/with space"\r\n');
    const config = loadConfig(readEnvironment(folder), folder);
    expect([config.port, config.home]).toEqual([5000, "/with space"]);
  });

  test("yields to the process's environment", () => {
    const [name, value] = Object.entries(process.env).find(([, one]) => one !== undefined && one !== "") ?? [
      "PATH",
      "",
    ];
    expect(readEnvironment(folderWith(`${name}=from the file\n`))[name]).toBe(value);
  });

  test("lacks what only this shell has, or has otherwise", () => {
    process.env["SANDPIPER_JOB_SECONDS"] = "60";
    try {
      expect(settingsOfShell(folderWith(""))).toContain("SANDPIPER_JOB_SECONDS");
      expect(settingsOfShell(folderWith("SANDPIPER_JOB_SECONDS=30\n"))).toContain("SANDPIPER_JOB_SECONDS");
      expect(settingsOfShell(folderWith("SANDPIPER_JOB_SECONDS=60\n"))).not.toContain("SANDPIPER_JOB_SECONDS");
    } finally {
      delete process.env["SANDPIPER_JOB_SECONDS"];
    }
  });

  test("is not hidden by a variable that is there but empty", () => {
    process.env["SANDPIPER_TEST_EMPTY"] = "";
    try {
      expect(readEnvironment(folderWith("SANDPIPER_TEST_EMPTY=debug\n"))["SANDPIPER_TEST_EMPTY"]).toBe("debug");
    } finally {
      delete process.env["SANDPIPER_TEST_EMPTY"];
    }
  });

  test("is closed to others when it was open, and left alone when it was not", () => {
    const root = mkdtempSync(join(tmpdir(), "sandpiper-env-"));
    writeFileSync(join(root, ".env"), "E2B_API_KEY=x\n", { mode: 0o644 });
    chmodSync(join(root, ".env"), 0o644);
    expect(closeEnvironmentFile(root)).toBe(true);
    expect(statSync(join(root, ".env")).mode & 0o777).toBe(0o600);
    expect(closeEnvironmentFile(root)).toBe(false);
    expect(closeEnvironmentFile(join(root, "nowhere"))).toBe(false);
    rmSync(root, { recursive: true });
  });

  test("may be missing", () => {
    const set = Object.entries(process.env).filter(([, value]) => value !== undefined && value.trim() !== "");
    expect(readEnvironment(join(tmpdir(), "no-such-sandpiper-folder"))).toEqual(Object.fromEntries(set));
  });
});

describe("a child that needs no keys", () => {
  test("gets none", () => {
    const environment = {
      E2B_API_KEY: KEY,
      OPENAI_API_KEY: "k",
      TELEGRAM_BOT_TOKEN: "t",
      SMTP_PASSWORD: "p",
      A_SECRET: "s",
    };
    expect(withoutKeys(environment)).toEqual({});
  });

  test.each([
    "AWS_SECRET_ACCESS_KEY",
    "SANDPIPER_SANDBOXD_KEY",
    "OPENAI_KEY",
    "openai_api_key",
    "GITHUB_PAT",
    "SSH_PRIVATE_KEY",
    "DB_PASS",
    "TOKEN",
    "PASSWORD",
  ])("never sees %s", (name) => {
    expect(withoutKeys({ [name]: "v" })).toEqual({});
  });

  test("keeps the rest, without holes", () => {
    expect(withoutKeys({ PATH: "/bin", SANDPIPER_PORT: "1", MISSING: undefined })).toEqual({
      PATH: "/bin",
      SANDPIPER_PORT: "1",
    });
  });
});

describe("the keys of models", () => {
  const keys = Object.fromEntries(
    SETTINGS.filter(({ env }) => /_API_KEY$|MODEL_KEY$/.test(env)).map(({ env }) => [env, `key in ${env}`]),
  );
  const addresses = { OPENAI_BASE_URL: "https://a.example/v1", SANDPIPER_MODEL_URL: "https://b.example" };

  test("are the worker's alone", () => {
    expect(Object.keys(keys).length).toBe(8);
    expect(withoutChannels(keys)).toEqual(keys);
    expect(withChannels(keys)).toEqual({});
    expect(withoutKeys(keys)).toEqual({});
  });

  test("are tried by core where they will be used: it is told the addresses", () => {
    expect(withChannels({ ...keys, ...addresses })).toEqual(addresses);
  });
});

describe("an address of models", () => {
  const urls = (settings: Record<string, string>) => loadConfig(settings, "/project").model.urls;

  test("is right with and without the path that the protocol begins with", () => {
    const { anthropic, openai, google, ollama, compatible } = urls({
      ANTHROPIC_BASE_URL: "https://proxy.example",
      OPENAI_BASE_URL: "https://proxy.example/v1/",
      GOOGLE_BASE_URL: "https://proxy.example/",
      OLLAMA_BASE_URL: "http://192.168.0.9:11434",
      SANDPIPER_MODEL_URL: "https://proxy.example/",
    });
    expect([anthropic, openai, google, ollama, compatible]).toEqual([
      "https://proxy.example/v1",
      "https://proxy.example/v1",
      "https://proxy.example/v1beta",
      "http://192.168.0.9:11434/v1",
      "https://proxy.example",
    ]);
  });

  test.each([
    "models.example",
    "file:///etc/passwd",
    "ftp://a.example",
    "https://u:secret@a.example",
    "https://a.example?key=secret",
  ])("%p is refused, and not repeated", (value) => {
    const { message } = refusal({ SANDPIPER_MODEL_URL: value });
    expect(message).toContain("SANDPIPER_MODEL_URL must be an address");
    expect(message).not.toContain("secret");
  });

  test("without a model is probably a mistake", () => {
    expect(loadConfig({ SANDPIPER_MODEL_URL: "https://a.example" }, "/project").warnings[0]).toContain(
      "SANDPIPER_MODEL=",
    );
  });
});

describe("the list of settings", () => {
  test("names each setting once and says what it is for", () => {
    expect(new Set(SETTINGS.map(({ env }) => env)).size).toBe(SETTINGS.length);
    for (const { env, unit, about } of SETTINGS) {
      // Keys and addresses of others are called what they are called everywhere.
      expect(env).toMatch(/^(SANDPIPER|E2B)_[A-Z0-9_]+$|^[A-Z_]+_(API_KEY|BASE_URL)$/);
      expect(unit).not.toBe("");
      expect(about).toMatch(/^[A-Z][^|]*\.$|^bubblewrap[^|]*\.$|^stdout[^|]*\.$|^E2B[^|]*\.$/);
    }
  });

  test("marks everything that looks like a key as a secret without a default", () => {
    for (const setting of SETTINGS.filter(({ env }) => /KEY|TOKEN(?!S)|SECRET|PASSWORD/.test(env))) {
      expect(setting).toMatchObject({ secret: true, default: "" });
    }
  });
});
