// Every layer of a room is taken away once, in a copy of the project, and an attack must notice.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { temporaryFolder } from "../shared/temporary.ts";
import { copiedProject, plant, proveIn } from "./planted.ts";
import { OF_SERVERS } from "./server_weaknesses.ts";
import { OF_ROOMS } from "./weaknesses.ts";

// A bomb that goes off takes its time.
setDefaultTimeout(120_000);

describe("an attack gets through", () => {
  test.each([...OF_ROOMS, ...OF_SERVERS].map((one) => [one.layer, one.what, one.attack, one] as const))(
    "%s: %s (%s)",
    async (layer, _what, attack, weakness) => {
      using project = copiedProject();
      using home = temporaryFolder();
      plant(project, weakness);
      const way = weakness.way === undefined ? [] : ["--way", weakness.way];
      const { code, report } = await proveIn(project.path, home.path, "--name", attack, ...way);
      const found = report.attacks.map((one) => [one.layer, one.tried, one.held, one.outcome.slice(0, 3)]);
      expect([code, ...found]).toEqual([1, [layer, true, false, "GOT"]]);
    },
  );
});
