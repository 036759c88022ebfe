// Loaded before bunqueue's server, which has synchronous=NORMAL built in: makes it FULL.
import { Database } from "bun:sqlite";

const FULL = 2;

// oxlint-disable-next-line typescript/unbound-method -- called below with the database that it belongs to
const run = Database.prototype.run;
Database.prototype.run = function (this: Database, ...[sql, ...values]: Parameters<typeof run>) {
  const result = run.call(this, sql.replace("synchronous = NORMAL", "synchronous = FULL"), ...values);
  if (sql.includes("synchronous = NORMAL")) {
    const level = this.query<{ synchronous: number }, []>("PRAGMA synchronous").get()?.synchronous;
    if (level !== FULL) throw new Error("bunqueue does not run with synchronous=FULL.");
  }
  return result;
};
