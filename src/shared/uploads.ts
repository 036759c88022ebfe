// Rows of the files that people sent. The bytes lie in storage/uploads under the id.
import { z } from "zod";
import type { Tx } from "./db.ts";
import { integer, text } from "./rows.ts";
import type { UploadedFile } from "./types.ts";

const UploadRow = z.object({ id: text, name: text, media_type: text, bytes: integer, sha256: text });

export function insertUpload(tx: Tx, file: UploadedFile, now: number): void {
  tx.run(
    "INSERT INTO uploads (id, name, media_type, bytes, sha256, created_at) VALUES (?, ?, ?, ?, ?, ?)",
    file.id,
    file.name,
    file.mediaType,
    file.bytes,
    file.sha256,
    now,
  );
}

export function readUpload(tx: Tx, id: string): UploadedFile | null {
  const row = tx.get("SELECT * FROM uploads WHERE id = ?", id);
  return row === null ? null : toUpload(row);
}

export function uploadsOfMessage(tx: Tx, messageId: string): UploadedFile[] {
  const sql = `SELECT uploads.* FROM message_uploads JOIN uploads ON uploads.id = upload_id
    WHERE message_id = ? ORDER BY position`;
  return tx.all(sql, messageId).map(toUpload);
}

function toUpload(row: Record<string, unknown>): UploadedFile {
  const { id, name, media_type, bytes, sha256 } = UploadRow.parse(row);
  return { id, name, mediaType: media_type, bytes, sha256 };
}
