// Conversations in one live kernel, and the same by replay in fresh sandboxes of another sandboxd: the same variables?
import type { Cell } from "../../src/shared/cells.ts";
import { begin, differences, replay, stateOf } from "../../src/worker/agent/replay.ts";
import { openSandbox, type JobSandbox, type SandboxProvider } from "../../src/worker/e2b_client.ts";
import { Server } from "../sandbox/server.ts";
import type { Measured } from "../sections.ts";
import type { Sizes } from "./sizes.ts";

const WITHIN_MS = 60_000;

/** Pieces of work as people ask for them; `N` is another number in each conversation. */
const PIECES: readonly (readonly string[])[] = [
  [
    "import pandas as pd, numpy as np\ndf = pd.DataFrame({'a': range(N), 'b': np.random.rand(N)})",
    "df['c'] = df.a * df.b\ntop = df.nlargest(3, 'c')",
    "grouped = df.groupby(df.a % 3).agg({'b': 'mean', 'c': 'sum'})",
  ],
  [
    "import random\ndeck = list(range(52))\nrandom.shuffle(deck)\nhand = deck[:N % 10 + 1]",
    "picked = random.choice(deck)\nrest = [x for x in deck if x not in hand]",
  ],
  [
    "words = {'red', 'green', 'blue', f'w{N}'}\nordered = list(words)",
    "index = {w: i for i, w in enumerate(words)}\njoined = '-'.join(words)",
  ],
  [
    "class Account:\n    def __init__(self, n):\n        self.n = n\n    def add(self, k):\n        self.n += k\n        return self\nacc = Account(N)",
    "acc.add(5).add(7)\nbalance = acc.n",
  ],
  [
    "def fib(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a\nvalues = [fib(i) for i in range(N % 20)]",
    "cache = {}\nfor i, v in enumerate(values):\n    cache[i] = v\nmissing = cache.get(N, 'none')",
  ],
  [
    "with open('/home/user/log.txt', 'w') as f:\n    f.write('line\\n' * N)",
    "text = open('/home/user/log.txt').read()\nlines = text.count('\\n')",
    "import os\nnames = sorted(os.listdir('/home/user'))",
  ],
  ["x = [N]\nx.append(N + 1)\nraise ValueError('half-way')", "y = sum(x)\nz = y / 0", "done = (x, y)"],
  [
    "import sqlite3\ndb = sqlite3.connect('/home/user/d.sqlite')\ndb.execute('create table if not exists t (a int)')\ndb.executemany('insert into t values (?)', [(i,) for i in range(N)])\ndb.commit()\nn = db.execute('select sum(a) from t').fetchone()[0]\ndel db",
    "import sqlite3\ncon = sqlite3.connect('/home/user/d.sqlite')\nrows = con.execute('select a from t order by a desc limit 3').fetchall()\ncon.close()\ndel con",
  ],
  [
    "import matplotlib.pyplot as plt\nxs = list(range(N % 30 + 2))\nplt.plot(xs)\nplt.show()",
    "import numpy as np\nrng = np.random.default_rng()\nnoise = rng.normal(size=5)\nagain = np.random.default_rng().integers(0, 100, 4)",
  ],
  [
    "import json, re, collections\ncounts = collections.Counter('sandpiper' * (N % 5 + 1))\nmost = counts.most_common(3)",
    "parsed = json.loads(json.dumps({'n': N, 'list': [1, None, 'ä']}))\nfound = re.findall('p', 'sandpiper')",
  ],
  [
    "from datetime import date, timedelta\nday = date(2024, 1, 1) + timedelta(days=N)\nweek = [day + timedelta(days=i) for i in range(7)]",
    "import pandas as pd\ns = pd.Series(range(7), index=pd.DatetimeIndex(week))\nr = s.resample('2D').sum()",
  ],
  [
    "items = (i * i for i in range(N))\nfirst = next(items)\nlater = list(items)[:5]",
    "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n    y: float = 0.5\npoints = [P(i) for i in range(3)]",
  ],
];
const SHELL = "echo from-the-shell-N > /home/user/shell.txt; mkdir -p /home/user/made";

export async function replays({ conversations }: Sizes): Promise<{ readonly replay_equals_live_pct: Measured }> {
  await using one = await Server.launch();
  await using other = await Server.launch();
  let [equal, variables] = [0, 0];
  for (let index = 0; index < conversations; index += 1) {
    const cells = conversation(index);
    const live = await liveState(one, cells, `talk-${index}`);
    const replayed = await replayedState(other, cells, `talk-${index}`);
    variables += Object.keys(live).length;
    const different = differences(live, replayed);
    if (different.length === 0) equal += 1;
    else
      console.error(`conversation ${index}: ${different.join(", ")}\n${cells.map(({ code }) => code).join("\n---\n")}`);
  }
  return { replay_equals_live_pct: { value: (equal / conversations) * 100, peers: { conversations, variables } } };
}

function conversation(index: number): readonly Cell[] {
  const chosen = [0, 5, 7].map((step) => PIECES[(index + step * (1 + (index % 3))) % PIECES.length] ?? []);
  const codes = chosen.flat().map((code) => code.replaceAll("N", String(20 + ((index * 37) % 60))));
  const cell = (code: string, kind: Cell["kind"]): Cell => ({
    jobId: `${index}`,
    kind,
    code,
    outcome: "ok",
    output: "",
    hadNetwork: false,
  });
  return [
    ...codes.map((code) => cell(code, "python")),
    cell(SHELL.replaceAll("N", String(index)), "shell"),
    cell("seen = open('/home/user/shell.txt').read()", "python"),
  ];
}

type State = Readonly<Record<string, string>>;

/** Each cell as it was asked for, in one kernel that never ends. */
async function liveState(server: Server, cells: readonly Cell[], talk: string): Promise<State> {
  const sandbox = await open(server);
  await using _ = sandbox;
  await begin(sandbox, talk, WITHIN_MS);
  const options = { timeoutMs: WITHIN_MS, onOutput: () => undefined };
  for (const { kind, code } of cells)
    if (kind === "shell") await sandbox.command(code, options);
    else await sandbox.run(code, options);
  return (await stateOf(sandbox, WITHIN_MS)) ?? {};
}

async function replayedState(server: Server, cells: readonly Cell[], talk: string): Promise<State> {
  const sandbox = await open(server);
  await using _ = sandbox;
  await begin(sandbox, talk, WITHIN_MS);
  await replay(sandbox, cells, null, WITHIN_MS);
  return (await stateOf(sandbox, WITHIN_MS)) ?? { nothing: "came" };
}

function open(server: Server): Promise<JobSandbox> {
  const { url, key } = server;
  const provider: SandboxProvider = { kind: "local", apiKey: key, apiUrl: url, sandboxUrl: url, domain: null };
  return openSandbox(provider, { timeoutMs: 300_000, metadata: {}, signal: new AbortController().signal });
}
