// Why a machine cannot make a room, in one sentence, and the act that helps.
import { readFileSync } from "node:fs";

export const LAYERS = [
  "bubblewrap",
  "bubblewrap-version",
  "mount",
  "user-namespaces",
  "pid",
  "net",
  "proc",
  "nested-namespaces",
  "seccomp",
  "room",
  "python",
  "packages",
] as const;
export type Layer = (typeof LAYERS)[number];

export type Trouble = { readonly layer: Layer; readonly message: string; readonly fix: string };

const CONTAINER_FIX =
  "Run Sandpiper outside the container, or start the container with: --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined";
const APPARMOR_FIX =
  "sudo apt-get install -y apparmor-profiles && sudo cp /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && sudo apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict";

/** `complaint` is what the failing program wrote. `read` gives the text of a file of this machine, or "". */
export function explain(layer: Layer, complaint: string, read: (path: string) => string = readText): Trouble {
  const said = complaint.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
  if (isNamespace(layer)) return explainNamespace(layer, said, read);
  const [message, fix] = SENTENCES[layer](said);
  return { layer, message, fix };
}

type Sentence = (said: string) => readonly [message: string, fix: string];
type NamespaceLayer = keyof typeof NAMESPACE;

const SENTENCES: Readonly<Record<Exclude<Layer, NamespaceLayer>, Sentence>> = {
  bubblewrap: () => [
    "bubblewrap is not installed, so no sealed room can be made.",
    "sudo apt-get install -y bubblewrap",
  ],
  "bubblewrap-version": (said) => [
    `bubblewrap ${said} is too old; 0.8 is needed.`,
    "sudo apt-get update && sudo apt-get install -y bubblewrap",
  ],
  mount: (said) => [
    `As root, Sandpiper gives root up before it runs code, and this machine does not allow the private mount that it needs (${said}).`,
    "Start Sandpiper as an ordinary user.",
  ],
  seccomp: (said) => [
    `The filter of system calls (seccomp) could not be laid around the room (${said}).`,
    "Use a 64-bit x86 or ARM machine whose kernel has CONFIG_SECCOMP_FILTER, as that of every distribution has, or set E2B_API_KEY to run code in E2B's cloud.",
  ],
  room: (said) => [`The room could not be made (${said}).`, "npm run doctor"],
  python: (said) => [`Python could not be started inside the room (${said}).`, "npm run setup"],
  packages: (said) => [`Python in the room cannot import what is needed: ${said}`, "npm run setup"],
};

const NAMESPACE = {
  "user-namespaces": "user",
  pid: "pid",
  net: "net",
  proc: "pid",
  "nested-namespaces": "user",
} as const;

function isNamespace(layer: Layer): layer is NamespaceLayer {
  return layer in NAMESPACE;
}

function explainNamespace(layer: NamespaceLayer, said: string, read: (path: string) => string): Trouble {
  const setting = `user.max_${NAMESPACE[layer]}_namespaces`;
  if (said.includes("ENOSPC"))
    return {
      layer,
      message: `This machine's limit ${setting} allows no further namespace.`,
      fix: `sudo sysctl -w ${setting}=15000`,
    };
  if (read("/proc/sys/kernel/unprivileged_userns_clone").trim() === "0")
    return {
      layer,
      message: "This machine's kernel does not let ordinary users make user namespaces.",
      fix: "sudo sysctl -w kernel.unprivileged_userns_clone=1",
    };
  const isRestricted = read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").trim() === "1";
  if (isRestricted || /uid map: Permission denied|RTM_NEWADDR/.test(said))
    return {
      layer,
      message: "AppArmor forbids bubblewrap to make user namespaces (Ubuntu 23.10 and later).",
      fix: APPARMOR_FIX,
    };
  if (said.includes("overflowuid") || layer === "proc")
    return {
      layer,
      message: `A part of /proc is hidden here, as in a container, so no sealed room can be made (${said}).`,
      fix: CONTAINER_FIX,
    };
  if (said.includes("No permissions to create"))
    return {
      layer,
      message: "Here, in a chroot or a container, no user namespace may be made.",
      fix: CONTAINER_FIX,
    };
  return { layer, message: `bubblewrap could not make the ${layer} part of the room (${said}).`, fix: CONTAINER_FIX };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
