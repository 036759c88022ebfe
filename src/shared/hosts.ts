// Whom a job's sandbox contacted, or tried to.
import { z } from "zod";
import type { Claim } from "./claims.ts";
import type { Board, Tx } from "./db.ts";
import { appendEvent } from "./events.ts";
import { integer, text } from "./rows.ts";

export type HostContact = {
  readonly host: string;
  readonly verdict: "allowed" | "refused";
  readonly contacts: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
};

const Row = z.object({
  host: text,
  verdict: z.enum(["allowed", "refused"]),
  contacts: integer,
  sent_bytes: integer,
  received_bytes: integer,
});

/** Adds to what is known of the job, and tells it. */
export function recordHosts(board: Board, claim: Claim, hosts: readonly HostContact[], now: number): Promise<void> {
  return board.write((tx) => {
    for (const { host, verdict, contacts, sentBytes, receivedBytes } of hosts)
      tx.run(
        `INSERT INTO job_hosts (job_id, host, verdict, contacts, sent_bytes, received_bytes) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (job_id, host, verdict) DO UPDATE SET contacts = contacts + excluded.contacts,
           sent_bytes = sent_bytes + excluded.sent_bytes, received_bytes = received_bytes + excluded.received_bytes`,
        claim.jobId,
        host.slice(0, 255),
        verdict,
        contacts,
        sentBytes,
        receivedBytes,
      );
    if (hosts.length === 0) return;
    const names = hosts.map(({ host, verdict }) => (verdict === "allowed" ? host : `${host} (refused)`));
    appendEvent(tx, claim, now, { kind: "hosts-contacted", hosts: names.slice(0, 100) });
  });
}

export function hostsOfJob(tx: Tx, jobId: string): HostContact[] {
  return tx.all("SELECT * FROM job_hosts WHERE job_id = ? ORDER BY host, verdict", jobId).map((row) => {
    const { sent_bytes, received_bytes, ...rest } = Row.parse(row);
    return { ...rest, sentBytes: sent_bytes, receivedBytes: received_bytes };
  });
}
