// The way out: named hosts, for one job, by the person's yes to exactly these hosts and the files that are in the sandbox.
import { z } from "zod";
import { defineTool, output } from "./tool.ts";

/** A name of letters, digits and hyphens with at least one dot: no addresses, no wildcards, no ports, nothing of this machine. */
const Host = z
  .string()
  .max(253)
  .transform((name) => name.toLowerCase())
  .pipe(
    z
      .string()
      .regex(
        /^(?=.*[a-z])([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/,
        "a host name like example.com",
      ),
  );

export const connect = defineTool({
  name: "connect",
  description: "Ask the person to let the sandbox reach named hosts over HTTP(S) for this task.",
  input: z.object({
    hosts: z.array(Host).min(1).max(10),
    why: z.string().max(300).describe("For the person"),
  }),
  needs: (input, { hosts, files }) => {
    if (input.hosts.every((host) => hosts.includes(host))) return null;
    const held =
      files.length === 0
        ? "The sandbox holds none of your files."
        : `The sandbox holds: ${files.map(({ name }) => name).join(", ")}.`;
    const reason = input.why.replace(/\s+/g, " ").trim();
    const said = reason === "" ? "" : ` The model says why: “${reason}”.`;
    const title = `Connect the sandbox to ${input.hosts.join(", ")}? ${held}${said}`;
    return { kind: "connect", title, subject: { hosts: [...input.hosts].sort(), files } };
  },
  run: ({ hosts }) => Promise.resolve(output(`The sandbox can reach ${hosts.join(", ")}.`)),
});
