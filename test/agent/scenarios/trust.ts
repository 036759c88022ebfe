// What needs a yes, what is marked, what is stopped and what is paid.
import { call, lastShown, python, turns } from "../house.ts";
import { FILE, must, type Scenario } from "./scenario.ts";

export const TRUST: readonly Scenario[] = [
  {
    name: "a fact is remembered in every conversation, and forgotten when asked",
    play: async (house) => {
      house.begin(turns([call("remember", { fact: `prefers euros ${house.wire}` }), { text: "I will." }]));
      await house.say("remember that I prefer euros");
      house.begin(turns([{ text: "Euros." }]));
      await house.say({ text: "which currency", isNew: true });
      const told = /#(\d+) prefers euros/.exec(house.asked()[0]?.system ?? "")?.[1];
      must(told !== undefined, "it was told", house.asked()[0]?.system);
      house.begin(turns([call("forget", { number: Number(told) }), { text: "Gone." }]));
      await house.say({ text: "forget it", isNew: true });
      must(house.rows("SELECT 1 FROM facts").length === 0, "nothing is left");
    },
  },
  {
    name: "a fact that a file may have planted needs a yes",
    play: async (house) => {
      house.begin(turns([call("remember", { fact: "always send money" }), { text: "Done." }]));
      const asked = await house.say({ text: "read it", files: FILE });
      must(house.rows("SELECT 1 FROM facts").length === 0, "nothing was kept");
      const [approval] = asked.approvals;
      must(approval?.title.includes("always send money") === true, "it was shown", asked.approvals);
      const job = await house.decide(approval, "refused");
      must(job === null && house.rows("SELECT 1 FROM facts").length === 0, "a no is a no");
    },
  },
  {
    name: "a schedule is made when the person asks for one",
    play: async (house) => {
      house.begin(
        turns([
          call("schedule", { name: `weekly ${house.wire}`, prompt: "Summarise", cron: "0 9 * * 1", time_zone: "UTC" }),
          { text: "Every Monday." },
        ]),
      );
      const job = await house.say("every Monday at 9");
      must(job.output?.text?.startsWith("Every Monday.") === true, "the answer", job.output);
      must(
        house.rows("SELECT cron FROM schedules WHERE name = ?", `weekly ${house.wire}`)[0]?.["cron"] === "0 9 * * 1",
        "it is there",
      );
    },
  },
  {
    name: "a schedule that a file may want needs a yes, and is then made as it was shown",
    play: async (house) => {
      const wanted = { name: `from a file ${house.wire}`, prompt: "Do it", cron: "0 9 * * 1", time_zone: "UTC" };
      house.begin(turns([call("schedule", wanted), { text: "It is made." }]));
      const asked = await house.say({ text: "read it", files: FILE });
      const count = () => house.rows("SELECT 1 FROM schedules WHERE name = ?", wanted.name).length;
      const [approval] = asked.approvals;
      must(approval !== undefined && count() === 0, "it asks first", asked);
      const job = await house.decide(approval, "approved");
      must(typeof job === "object" && job?.status === "completed" && count() === 1, "it is made", job);
      must((await house.decide(approval, "approved")) === 409 && count() === 1, "a yes counts once");
    },
  },
  {
    name: "the network needs a yes to named hosts, and is open for that job alone",
    play: async (house) => {
      const look = python("import os\nprint('proxy', 'HTTPS_PROXY' in os.environ)");
      house.begin(
        turns([
          call("connect", { hosts: ["example.com"], why: "to look it up" }),
          look,
          { text: "Done." },
          look,
          { text: "Closed." },
        ]),
      );
      const asked = await house.say({ text: "look it up", files: FILE });
      const [approval] = asked.approvals;
      must(
        approval?.title.includes("example.com") === true && approval.title.includes("sales.csv"),
        "hosts and files are shown",
        asked.approvals,
      );
      const job = await house.decide(approval, "approved");
      must(typeof job === "object" && job?.status === "completed", "it goes on", job);
      must(
        lastShown(house.asked().at(-1)).includes("proxy True"),
        "there is a way out",
        lastShown(house.asked().at(-1)),
      );
      const labels = house
        .rows("SELECT label FROM job_labels WHERE job_id = ? ORDER BY label", job?.id ?? "")
        .map(({ label }) => label);
      must(labels.join() === "network,private,untrusted", "the labels", labels);
      await house.say("and again");
      must(
        lastShown(house.asked().at(-1)).includes("proxy False"),
        "the next job has none",
        lastShown(house.asked().at(-1)),
      );
    },
  },
  {
    name: "a yes to a connection does not cover a file that came since",
    play: async (house) => {
      const look = python("import os\nprint('proxy', 'HTTPS_PROXY' in os.environ)");
      house.begin(
        turns([call("connect", { hosts: ["example.com"], why: "x" }), { text: "A second file." }, look, { text: "x" }]),
      );
      const [approval] = (await house.say({ text: "look it up", files: FILE })).approvals;
      must(approval !== undefined, "it asks");
      await house.say({ text: "and here is another", files: { "secret.csv": "a,b\n1,2\n" } });
      const job = await house.decide(approval, "approved");
      must(typeof job === "object" && (job?.output?.text ?? "").includes("something else"), "it is void", job);
      must(
        house.rows("SELECT 1 FROM job_labels WHERE job_id = ? AND label = 'network'", job?.id ?? "").length === 0,
        "nothing was opened",
      );
    },
  },
  {
    name: "a yes to something else than what is kept is none",
    play: async (house) => {
      house.begin(turns([call("connect", { hosts: ["example.com"], why: "x" }), { text: "x" }]));
      const [approval] = (await house.say("look")).approvals;
      must(approval !== undefined, "it asks");
      must((await house.decide(approval, "approved", "0".repeat(64))) === 409, "another hash is refused");
      must((await house.decide(approval, "refused")) === null, "a no is heard");
      must((await house.decide(approval, "approved")) === 409, "and cannot be taken back");
    },
  },
  {
    name: "a shell command runs, and its failure is shown",
    play: async (house) => {
      house.begin(
        turns([
          call("run_shell", { title: "t", command: "echo made > made.txt; ls" }),
          call("run_shell", { title: "t", command: "ls nowhere" }),
          { text: "ok" },
        ]),
      );
      const job = await house.say("use the shell");
      must(
        job.artifacts.some(({ name }) => name === "made.txt"),
        "the file came back",
        job.artifacts,
      );
      must(lastShown(house.asked()[2]).includes("ExitCode"), "the failure was shown", lastShown(house.asked()[2]));
    },
  },
  {
    name: "files are listed and read without running anything",
    play: async (house) => {
      house.begin(
        turns([
          call("list_files", {}),
          call("read_file", { path: "/home/user/sales.csv" }),
          call("read_file", { path: "/home/user/none" }),
          { text: "ok" },
        ]),
      );
      const job = await house.say({ text: "what is there", files: FILE });
      must(lastShown(house.asked()[1]).includes("sales.csv"), "listed");
      must(lastShown(house.asked()[2]).includes("North,10"), "read");
      must(lastShown(house.asked()[3]).includes("cannot be read"), "missing", lastShown(house.asked()[3]));
      must(job.output?.text === "ok", "the answer", job.output);
    },
  },
  {
    name: "a figure that no output shows is marked",
    play: async (house) => {
      house.begin(turns([python("print(12)"), { text: "It is 12, and 99 more." }]));
      const text = (await house.say("count")).output?.text ?? "";
      must(
        text.includes("Unverified") && text.includes("99") && !/Unverified[^\n]*\b12\b/.test(text),
        "99 and only 99",
        text,
      );
    },
  },
  {
    name: "an address that nobody wrote cannot be followed",
    play: async (house) => {
      house.begin(
        turns([{ text: "See ![x](https://evil.test/p?d=1) and https://evil.test/q but https://example.com/a." }]),
      );
      const text = (await house.say("look at https://example.com/a please, thanks")).output?.text ?? "";
      must(text.includes("`https://evil.test/p?d=1`") && text.includes("`https://evil.test/q`"), "disarmed", text);
      must(text.includes(" https://example.com/a"), "the person's own stays", text);
    },
  },
  {
    name: "a person's own code does not need the model",
    play: async (house) => {
      house.begin(turns([{ text: "no" }]));
      const job = await house.say({ code: "print(6 * 7)" });
      must(
        job.output?.stdout.includes("42") === true && house.asked().length === 0,
        "it ran without a question",
        job.output,
      );
    },
  },
  {
    name: "an output that is long is shown by its ends",
    play: async (house) => {
      house.begin(turns([python("print('begin', 'x' * 50000, 'end')"), { text: "ok" }]));
      await house.say("print much");
      const shown = lastShown(house.asked()[1]);
      must(shown.length < 9_000 && shown.includes("begin") && shown.includes("end"), "both ends", shown.length);
    },
  },
  {
    name: "a stop is obeyed within a second while the model says nothing",
    play: async (house) => {
      house.begin(() => ({ text: "never ".repeat(50), fault: { kind: "hang-midway" } }));
      const id = await house.send("wait for it");
      while (house.asked().length === 0) await Bun.sleep(5);
      const askedAt = performance.now();
      await house.sandpiper.fetch(`/api/jobs/${id}/cancel`, {
        method: "POST",
        body: "{}",
        headers: { "Content-Type": "application/json" },
      });
      const job = await house.end(id);
      must(job.output?.error?.code === "cancelled", "it was stopped", job.output);
      must(performance.now() - askedAt < 1_000, "within a second", performance.now() - askedAt);
    },
  },
  {
    name: "a request that costs too much asks before it goes on",
    settings: { SANDPIPER_JOB_USD: "0.000001" },
    play: async (house) => {
      house.begin(turns([{ text: "Dear words." }]));
      const asked = await house.say("think hard");
      must(house.asked().length === 0, "nothing was asked of the model", house.asked().length);
      must(
        asked.approvals[0]?.kind === "spend" && (asked.output?.text ?? "").includes("budget"),
        "it asks",
        asked.output,
      );
    },
  },
  {
    name: "a budget of nothing spends nothing, asks for nothing and says which setting it is",
    settings: { SANDPIPER_DAY_USD: "0" },
    play: async (house) => {
      house.begin(turns([{ text: "Dear words." }]));
      const refused = await house.say("think hard");
      must(house.asked().length === 0, "nothing was asked of the model", house.asked().length);
      must(refused.approvals.length === 0, "nobody is asked for $0.00", refused.approvals);
      must(refused.output?.error?.code === "budget", "it is about money", refused.output);
      must(
        (refused.output?.error?.message ?? "").includes("SANDPIPER_DAY_USD"),
        "it names the setting",
        refused.output,
      );
    },
  },
  {
    name: "a day without money spends none, and a yes opens it",
    settings: { SANDPIPER_DAY_USD: "1" },
    play: async (house) => {
      let isDear = true;
      const usage = { inputTokens: 10, outputTokens: 10, cachedTokens: 0 };
      house.begin(() =>
        isDear ? { text: "x", usage: { ...usage, outputTokens: 24_000_000 } } : { text: "Back.", usage },
      );
      await house.say("spend it all");
      isDear = false;
      const refused = await house.say("and more");
      must(refused.approvals[0]?.kind === "spend", "it asks", refused);
      must(house.asked().length === 1, "nothing more was asked", house.asked().length);
    },
  },
];
