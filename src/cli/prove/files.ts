// The files of this machine: by their names, by their identity, through whatever leads out of a room.
import { existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { groupOf, inRoomOfItsOwn, scripted } from "./attack.ts";
import type { Finding } from "./finding.ts";
import source from "./files.py" with { type: "text" };
import type { Ground } from "./ground.ts";

const inRoom = scripted(source);

const ALWAYS =
  "/etc/shadow /etc/machine-id /etc/hostname /etc/resolv.conf /etc/ssh /root /root/.ssh /var /var/log /sys /run /boot /mnt /media /srv /proc/kmsg_dump /dev/mem /dev/kmsg /dev/kvm /dev/vda /dev/sda /dev/fuse /dev/net/tun".split(
    " ",
  );

/** What is to be nowhere in a room: the user's folders, this project, its data. */
export function placesOf({ config, folder }: Ground): string[] {
  return [config.root, config.home, config.dataDir, config.storageDir, homedir(), folder];
}

const namesOf = (ground: Ground) => ({
  paths: [...ALWAYS, ...placesOf(ground), join(ground.config.root, ".env"), join(ground.folder, ".env")],
});

/** Device and number of each, as a room would see them if it were bound into it. */
function identitiesOf(ground: Ground): { identities: [number, number, string][] } {
  const more = ["/etc/passwd", "/etc/shadow", "/root", "/var", "/home", "/etc", "/", "/boot"];
  const ours = [".env", "data/jobs.db", "storage/uploads/1.csv", "home/.ssh/id_ed25519"].map((name) =>
    join(ground.folder, name),
  );
  const project = [".env", "package.json", "src", "node_modules", "data"].map((name) => join(ground.config.root, name));
  const found = [...more, ...ours, ...project, ...placesOf(ground)].filter((path) => existsSync(path));
  return {
    identities: found.map((path) => {
      const { dev, ino } = statSync(path);
      return [dev, ino, path];
    }),
  };
}

const SYSTEM = [
  "/usr",
  "/usr/bin",
  "/usr/bin/env",
  "/bin",
  "/lib",
  "/etc",
  "/etc/passwd",
  "/opt",
  "/opt/sandpiper/sandpiper",
];
const GUEST = [
  "/opt/sandpiper/sandpiper/agent.py",
  "/opt/python/site",
  "/opt/python/base",
  "/dev",
  "/dev/core",
  "/proc/self/exe",
];

async function neighbours(ground: Ground): Promise<Finding> {
  const given = { mark: `private-${process.pid}` };
  return await inRoomOfItsOwn(ground, async (other) => {
    await ground.inside(source, "leave", given, other);
    return await ground.inside(source, "look", given, await ground.room());
  });
}

/** The mount table says where a folder came from that lies outside of /usr; only its own file system hides that. */
const tellable = (ground: Ground) => ({ places: [...new Set(placesOf(ground))].filter((one) => one.length > 6) });

export const files = groupOf("files", [
  inRoom("the machine's files by their names", "mount namespace", "by_name", namesOf),
  inRoom(
    "the user's files by device and number, whatever they are called",
    "mount namespace",
    "by_identity",
    identitiesOf,
  ),
  inRoom(
    "writing to programs, settings and the agent",
    "read-only mounts",
    "system",
    ({ folder }) => ({ system: [...SYSTEM, ...GUEST, ...insideOf(folder)] }),
    async (ground) => await ground.outside(source, "system", { system: [ground.folder] }),
  ),
  inRoom("overwriting a program while it runs (CVE-2019-5736)", "read-only mounts", "running_program"),
  inRoom(
    "the roots and folders of other processes",
    "mount namespace",
    "other_roots",
    undefined,
    "outside there is one root",
  ),
  inRoom("folders and files that were left open (CVE-2024-21626)", "closed descriptors", "left_open"),
  inRoom("a second change of root", "seccomp", "out_of_chroot"),
  inRoom("files by their handles", "seccomp", "by_handle"),
  inRoom("the machine's memory and log in /proc", "user namespace", "through_proc"),
  inRoom("the kernel's switches in /proc/sys", "user namespace", "switches"),
  inRoom("devices that are there", "own /dev", "devices"),
  inRoom("devices made anew", "seccomp", "device_nodes"),
  inRoom("what the mount table tells", "yard", "mount_table", tellable, "outside it tells of all mounts"),
  inRoom("a mapped library, written past its protection (Dirty COW)", "kernel's copy on write", "mapped_library"),
  inRoom(
    "a page of a file, written in a pipe (Dirty Pipe)",
    "kernel",
    "spliced_page",
    undefined,
    "a mended kernel stops it outside, too",
  ),
  inRoom("a second name for a system file", "mount namespace", "hard_link"),
  {
    name: "the files of another sandbox",
    layer: "mount namespace",
    control: "outside all files are in one tree",
    attempt: neighbours,
  },
]);

/** Only for the control: what lies in the folder of the prover. */
function insideOf(folder: string): string[] {
  return readdirSync(folder).map((name) => join(folder, name));
}
