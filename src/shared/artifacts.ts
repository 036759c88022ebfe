// Rows of what came out of sandboxes. The bytes lie in storage/outputs/<job>/<attempt>/.
import { z } from "zod";
import type { Tx } from "./db.ts";
import { integer, parseJson, text } from "./rows.ts";
import type { Artifact, ChartData } from "./types.ts";

const ArtifactRow = z.object({
  id: text,
  job_id: text,
  name: text,
  path: text,
  media_type: text,
  bytes: integer,
  sha256: text,
  chart: z.unknown(),
});
const Chart: z.ZodType<ChartData> = z.looseObject({ type: z.string() });

export function insertArtifact(tx: Tx, artifact: Artifact, now: number): void {
  tx.run(
    `INSERT INTO artifacts (id, job_id, name, path, media_type, bytes, sha256, chart, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET
     id = excluded.id, media_type = excluded.media_type, bytes = excluded.bytes, sha256 = excluded.sha256, chart = excluded.chart`,
    artifact.id,
    artifact.jobId,
    artifact.name,
    artifact.path,
    artifact.mediaType,
    artifact.bytes,
    artifact.sha256,
    artifact.data === undefined ? null : JSON.stringify(artifact.data),
    now,
  );
}

/** An attempt that begins anew forgets what an earlier one kept. Returns the paths whose bytes are now nobody's. */
export function forgetArtifacts(tx: Tx, jobId: string): string[] {
  const paths = artifactsOfJob(tx, jobId).map((artifact) => artifact.path);
  tx.run("DELETE FROM artifacts WHERE job_id = ?", jobId);
  return paths;
}

export function readArtifact(tx: Tx, id: string): Artifact | null {
  const row = tx.get("SELECT * FROM artifacts WHERE id = ?", id);
  return row === null ? null : toArtifact(row);
}

export function artifactsOfJob(tx: Tx, jobId: string): Artifact[] {
  return tx.all("SELECT * FROM artifacts WHERE job_id = ? ORDER BY rowid", jobId).map(toArtifact);
}

function toArtifact(row: Record<string, unknown>): Artifact {
  const { id, job_id, name, path, media_type, bytes, sha256, chart } = ArtifactRow.parse(row);
  const data = Chart.safeParse(parseJson(chart));
  return {
    id,
    jobId: job_id,
    name,
    path,
    mediaType: media_type,
    bytes,
    sha256,
    ...(data.success ? { data: data.data } : {}),
  };
}
