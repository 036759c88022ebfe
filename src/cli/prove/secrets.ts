// Secrets were put everywhere around the server; a room must find none, wherever it looks.
import { hostname } from "node:os";
import { z } from "zod";
import { groupOf, inRoomOfItsOwn, NotTried, scripted } from "./attack.ts";
import type { Finding } from "./finding.ts";
import { placesOf } from "./files.ts";
import { veil, type Ground } from "./ground.ts";
import source from "./secrets.py" with { type: "text" };

const inRoom = scripted(source);

const veiled = ({ secrets, since }: Ground) => ({ secrets: veil(secrets), since });
const named = (ground: Ground) => ({ places: [...new Set(placesOf(ground))].filter((one) => one.length > 6) });

/** With a neighbour that has the secret of its own in a file, in its memory, in its environment and in a command line. */
const besideNeighbour =
  (act: string) =>
  async (ground: Ground): Promise<Finding> =>
    await inRoomOfItsOwn(ground, async (neighbour) => {
      const secret = ground.secrets["neighbour"] ?? "";
      await neighbour.files.write("/home/user/private.txt", secret);
      await neighbour.runCode(
        `import os, subprocess\nkept = ${JSON.stringify(secret)} * 9\nos.environ["PRIVATE"] = ${JSON.stringify(secret)}\nrunning = subprocess.Popen(["sh", "-c", "sleep 60 # " + ${JSON.stringify(secret)}])`,
      );
      return await inRoomOfItsOwn(ground, async (sandbox) => await ground.inside(source, act, veiled(ground), sandbox));
    });

const searching = (name: string, layer: string, act: string) => ({
  name,
  layer,
  control: async (ground: Ground) => await ground.outside(source, act, veiled(ground)),
  attempt: besideNeighbour(act),
});

/** A neighbour fills its memory with the secret and dies; a fresh room then looks at what it is given. */
async function leftOver(ground: Ground): Promise<Finding> {
  await inRoomOfItsOwn(ground, async (neighbour) => {
    const secret = JSON.stringify(ground.secrets["neighbour"]);
    await neighbour.runCode(`kept = ${secret} * 2_000_000\nopen("/tmp/big", "w").write(kept)`);
  });
  return await inRoomOfItsOwn(
    ground,
    async (sandbox) => await ground.inside(source, "given_back", veiled(ground), sandbox),
  );
}

const Numbers = z.record(z.string(), z.union([z.string(), z.number()]));

async function sameNumbers(ground: Ground): Promise<Finding> {
  const told = async (): Promise<z.infer<typeof Numbers>> =>
    await inRoomOfItsOwn(ground, async (sandbox) => {
      const { seen } = await ground.inside(source, "numbers", {}, sandbox);
      return Numbers.parse(JSON.parse(seen));
    });
  const [first, second] = [await told(), await told()];
  const got = Object.keys(first).filter((name) => first[name] === second[name]);
  return { got, seen: `${Object.keys(first).join(", ")} differ` };
}

async function ownName(ground: Ground): Promise<Finding> {
  if (hostname() === "sandbox") throw new NotTried("this machine is called as every room is");
  return await ground.inside(source, "machine_name", {}, await ground.room());
}

export const secrets = groupOf("secrets", [
  searching("secrets in the whole tree of files", "mount namespace", "whole_tree"),
  searching("secrets in /proc: environments, command lines and the rest", "clean start", "through_processes"),
  searching("secrets in the memory of every process that can be read", "clean start", "in_memory"),
  {
    name: "secrets in memory and disk that another sandbox gave back",
    layer: "kernel",
    control: "outside the kernel clears it, too",
    attempt: leftOver,
  },
  {
    name: "the numbers that another sandbox draws",
    layer: "reseeding",
    control: async (ground) => await ground.outside(source, "same_fork", {}),
    attempt: sameNumbers,
  },
  {
    name: "the machine's name",
    layer: "uts namespace",
    control: async (ground) => await ground.outside(source, "machine_name", {}),
    attempt: ownName,
  },
  inRoom("the accounts of the machine", "mount namespace", "accounts"),
  inRoom("what Python tells of where it lies", "yard", "own_tale", named),
]);
