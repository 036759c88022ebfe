// A browser's sandbox may make namespaces: what could be had by the power over them, and what a page must not find.
import { groupOf, inRoomOfItsOwn, type Attack } from "./attack.ts";
import source from "./browser.py" with { type: "text" };
import type { Finding } from "./finding.ts";
import type { Ground } from "./ground.ts";

const TEMPLATE = "browser";

const inBrowser = (name: string, layer: string, act: string): Omit<Attack, "group"> => ({
  name: `${name}, in a browser's sandbox`,
  layer,
  control: async (ground) => await ground.outside(source, act, portOf(ground)),
  attempt: async (ground) =>
    await inRoomOfItsOwn(
      ground,
      async (sandbox) => await ground.inside(source, act, portOf(ground), sandbox),
      TEMPLATE,
    ),
});

const portOf = ({ server }: Ground) => ({ port: server.port });

async function bring(ground: Ground, template: string): Promise<Finding> {
  return await inRoomOfItsOwn(
    ground,
    async (sandbox) => {
      const said = await sandbox.files.write("/home/user/letter.txt", "private").then(() => "", String);
      const isThere = await sandbox.files.exists("/home/user/letter.txt");
      return { got: isThere ? ["a file was brought in"] : [], seen: said.slice(0, 80) };
    },
    template,
  );
}

export const BROWSER_KERNEL: readonly Attack[] = groupOf("kernel", [
  inBrowser("mounts, by the power over a namespace", "seccomp", "powerful_mounts"),
  inBrowser("the packet filter, by the power over a network", "seccomp", "powerful_network"),
  inBrowser("the machine's loopback from a network of its own", "network namespace", "powerful_dial"),
]);

export const BROWSER_FILES: readonly Attack[] = groupOf("files", [
  {
    name: "a person's file, in a browser's sandbox",
    layer: "sandbox server",
    control: async (ground) => await bring(ground, "base"),
    attempt: async (ground) => await bring(ground, TEMPLATE),
  },
]);

export const BROWSER_RESOURCES: readonly Attack[] = groupOf("resources", [
  inBrowser("networks of its own", "namespace quota", "networks"),
]);
