// Who may write on other platforms: nobody, until the owner came by a link or let somebody in.
import { z } from "zod";
import type { Board, Tx } from "./db.ts";
import { integer, text } from "./rows.ts";

/** An account of ours on a platform. */
export type Account = { readonly channel: string; readonly account: string };

const STANDINGS = ["owner", "allowed", "asking", "refused"] as const;
export type Standing = (typeof STANDINGS)[number];

/** `person` is the id by which we know somebody, whichever of their ids was used. */
export type Contact = Account & { readonly person: string; readonly standing: Standing };

/** Strangers that the owner is asked about at one time; the others find a closed door. */
const MOST_ASKING = 3;
const ASKING_MS = 86_400_000;

const ContactRow = z.object({ channel: text, account: text, person: text, standing: z.enum(STANDINGS) });

/**
 * Whose ids these are, the strongest first. A weaker one counts only for somebody of whom no stronger one is known: a
 * number may have been given to another person since.
 */
export function findContact(tx: Tx, { channel, account }: Account, ids: readonly string[]): Contact | null {
  const [first = "", ...weaker] = ids;
  const row =
    tx.get(
      `SELECT contacts.* FROM contacts WHERE channel = ?1 AND account = ?2 AND person = coalesce(
       (SELECT person FROM contact_aliases WHERE channel = ?1 AND account = ?2 AND alias = ?3), ?3)`,
      channel,
      account,
      first,
    ) ??
    weaker
      .map((id) =>
        tx.get("SELECT * FROM contacts WHERE channel = ? AND account = ? AND person = ?", channel, account, id),
      )
      .find((found) => found !== null);
  return row === undefined ? null : ContactRow.parse(row);
}

/** Statement. They go by these ids, too, and nobody else does. */
export function addAliases(tx: Tx, { channel, account, person }: Contact, ids: readonly string[]): void {
  for (const alias of ids)
    if (alias !== person)
      tx.run(
        `INSERT INTO contact_aliases (channel, account, alias, person) VALUES (?, ?, ?, ?)
         ON CONFLICT (channel, account, alias) DO UPDATE SET person = excluded.person`,
        channel,
        account,
        alias,
        person,
      );
}

/** Statement. Somebody else was met under these. */
export function dropAliases(tx: Tx, { channel, account }: Account, ids: readonly string[]): void {
  for (const alias of ids)
    tx.run("DELETE FROM contact_aliases WHERE channel = ? AND account = ? AND alias = ?", channel, account, alias);
}

/** Statement. They are known by this id from now on. What the owner has decided about it before stands. */
export function renameContact(tx: Tx, contact: Contact, to: string): Contact {
  const { channel, account, person } = contact;
  if (to === person) return contact;
  tx.run(
    "DELETE FROM contacts WHERE channel = ? AND account = ? AND person = ? AND standing = 'asking'",
    channel,
    account,
    to,
  );
  tx.run(
    "UPDATE OR IGNORE contacts SET person = ? WHERE channel = ? AND account = ? AND person = ?",
    to,
    channel,
    account,
    person,
  );
  tx.run("DELETE FROM contacts WHERE channel = ? AND account = ? AND person = ?", channel, account, person);
  dropAliases(tx, contact, [to]);
  tx.run(
    "UPDATE contact_aliases SET person = ? WHERE channel = ? AND account = ? AND person = ?",
    to,
    channel,
    account,
    person,
  );
  tx.run("UPDATE chats SET person = ? WHERE channel = ? AND account = ? AND person = ?", to, channel, account, person);
  return findContact(tx, contact, [to]) ?? contact;
}

/** Statement. Null: the owner is asked about enough people already. */
export function addAsking(tx: Tx, { channel, account }: Account, person: string, now: number): Contact | null {
  const row = tx.get(
    "SELECT count(*) AS count FROM contacts WHERE channel = ? AND account = ? AND standing = 'asking'",
    channel,
    account,
  );
  if (integer.parse(row?.["count"]) >= MOST_ASKING) return null;
  return setStanding(tx, { channel, account, person, standing: "asking" }, now);
}

/** Statement. Who was not decided about in time has to write again. */
export function expireAsking(tx: Tx, now: number): void {
  tx.run("DELETE FROM contacts WHERE standing = 'asking' AND created_at <= ?", now - ASKING_MS);
}

/** Statement. */
export function setStanding(tx: Tx, contact: Contact, now: number): Contact {
  tx.run(
    `INSERT INTO contacts (channel, account, person, standing, created_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (channel, account, person) DO UPDATE SET standing = excluded.standing`,
    contact.channel,
    contact.account,
    contact.person,
    contact.standing,
    now,
  );
  return contact;
}

/** Those whom the owner let in, and the owner. */
export function listContacts(tx: Tx): Contact[] {
  return tx.all("SELECT * FROM contacts ORDER BY channel, account, created_at").map((row) => ContactRow.parse(row));
}

/** The link with this code makes whoever opens it first the owner, on that account of ours. */
export function addInvitation(
  board: Board,
  account: Account,
  code: string,
  expiresAt: number,
  now: number,
): Promise<void> {
  return board.write((tx) => {
    tx.run("DELETE FROM invitations WHERE expires_at < ?", now);
    tx.run("INSERT INTO invitations (code_sha256, expires_at) VALUES (?, ?)", hashOf(account, code), expiresAt);
  });
}

/** Statement. True once for each code. */
export function takeInvitation(tx: Tx, account: Account, code: string, now: number): boolean {
  const hash = hashOf(account, code);
  return tx.run("DELETE FROM invitations WHERE code_sha256 = ? AND expires_at >= ?", hash, now) === 1;
}

const hashOf = ({ channel, account }: Account, code: string): string =>
  new Bun.CryptoHasher("sha256").update(JSON.stringify([channel, account, code])).digest("hex");
