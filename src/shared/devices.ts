// Paired browsers and one-time pairing tokens. Only SHA-256 hashes are kept.
import type { Board, Tx } from "./db.ts";

export const sha256 = (secret: string): string => new Bun.CryptoHasher("sha256").update(secret).digest("hex");

export function addPairing(board: Board, token: string, expiresAt: number, now: number): Promise<void> {
  return board.write((tx) => {
    tx.run("DELETE FROM pairings WHERE expires_at < ?", now);
    tx.run("INSERT INTO pairings (token_sha256, expires_at) VALUES (?, ?)", sha256(token), expiresAt);
  });
}

export type NewDevice = { readonly id: string; readonly cookie: string; readonly key: string; readonly label: string };

/** Spends the token: true once, false for a wrong, used or expired one. */
export function pairDevice(board: Board, token: string, device: NewDevice, now: number): Promise<boolean> {
  return board.write((tx) => {
    if (tx.run("DELETE FROM pairings WHERE token_sha256 = ? AND expires_at >= ?", sha256(token), now) === 0)
      return false;
    tx.run(
      "INSERT INTO devices (id, cookie_sha256, key_sha256, label, created_at) VALUES (?, ?, ?, ?, ?)",
      device.id,
      sha256(device.cookie),
      sha256(device.key),
      device.label,
      now,
    );
    return true;
  });
}

/** Both halves must belong to the same device: a cookie alone is sent to every other port of this host. */
export function isPaired(tx: Tx, cookie: string, key: string): boolean {
  return (
    tx.get("SELECT 1 FROM devices WHERE cookie_sha256 = ? AND key_sha256 = ?", sha256(cookie), sha256(key)) !== null
  );
}
