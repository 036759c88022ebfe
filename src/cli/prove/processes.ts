// Other processes, and powers that a process in a room must not have.
import { groupOf, scripted } from "./attack.ts";
import type { Ground } from "./ground.ts";
import source from "./processes.py" with { type: "text" };

const inRoom = scripted(source);

const pidsOf = ({ server }: Ground) => ({ pids: [process.pid, server.pid, process.ppid] });

export const processes = groupOf("processes", [
  inRoom("seeing the machine's processes", "pid namespace", "machine"),
  inRoom("signalling the machine's processes", "pid namespace", "signals", pidsOf),
  inRoom("tracing the agent", "seccomp", "trace"),
  inRoom("reading and writing the agent's memory by process_vm_*", "seccomp", "read_memory"),
  inRoom("taking the agent's socket by pidfd_getfd", "seccomp", "take_descriptor"),
  inRoom("the agent's memory, environment and descriptors in /proc", "undumpable", "agent_files"),
  inRoom("a neighbour without a filter, or with powers", "seal check", "seals"),
  inRoom("a program that runs as its owner, root", "no_new_privs", "setuid_program"),
  inRoom("becoming another user", "user namespace", "other_user"),
  inRoom("a capability on a file", "seccomp", "file_powers"),
  inRoom("capabilities, taken back", "no capabilities", "powers"),
  inRoom("taking no_new_privs back", "no_new_privs", "no_new_privileges"),
  inRoom("typing into somebody's terminal", "seccomp", "terminal"),
  inRoom("another line discipline of a terminal", "seccomp", "line_discipline"),
  inRoom("going first: priority and real time", "no capabilities", "priority"),
  inRoom("being the last to die when memory runs out", "no capabilities", "last_to_die"),
  inRoom("raising one's own limits", "rlimit", "limits_up"),
]);
