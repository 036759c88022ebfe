// What one sandbox contacted, or tried to: bounded, for people to read, and told at once to whoever listens.

export type Contact = {
  readonly at: number;
  readonly host: string;
  readonly port: number;
  /** Empty when none was dialled. */
  readonly address: string;
  readonly verdict: "allowed" | "refused" | "failed";
  /** The rule that decided, or what went wrong. */
  readonly reason: string;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** From the request to the end of the connection; until now for one that is open. */
  readonly ms: number;
};

export type Totals = {
  readonly contacts: number;
  readonly refused: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
};

/** `isOpen`: the connection goes on, and the contact is told once more at its end. */
export type OnContact = (contact: Contact, isOpen: boolean) => void;

type Writable = { -readonly [Key in keyof Contact]: Contact[Key] };

const KEPT = 1_000;

/** One line of the ledger while its connection lives. */
export class Entry {
  readonly contact: Writable;
  readonly #now: () => number;

  constructor(contact: Writable, now: () => number) {
    this.contact = contact;
    this.#now = now;
  }

  sofar(): Contact {
    return { ...this.contact, ms: this.#now() - this.contact.at };
  }
}

export class Ledger {
  readonly #lines: { contact: Contact; entry: Entry | null }[] = [];
  readonly #totals = { contacts: 0, refused: 0, bytesUp: 0, bytesDown: 0 };
  readonly #now: () => number;
  readonly #onContact: OnContact;

  constructor(now: () => number, onContact: OnContact) {
    this.#now = now;
    this.#onContact = onContact;
  }

  /** A request begins; `allowed` until something else is known. */
  begin(host: string, port: number): Entry {
    const at = this.#now();
    return new Entry(
      { at, host, port, address: "", verdict: "allowed", reason: "", bytesUp: 0, bytesDown: 0, ms: 0 },
      this.#now,
    );
  }

  open(entry: Entry): void {
    this.#totals.contacts++;
    if (entry.contact.verdict === "refused") this.#totals.refused++;
    this.#lines.push({ contact: entry.contact, entry });
    if (this.#lines.length > KEPT) this.#lines.shift();
    if (entry.contact.verdict === "allowed") this.#onContact(entry.sofar(), true);
    else this.close(entry);
  }

  close(entry: Entry): void {
    const line = this.#lines.find((one) => one.entry === entry);
    if (line !== undefined) {
      line.contact = entry.sofar();
      line.entry = null;
    }
    this.#onContact(entry.sofar(), false);
  }

  count(entry: Entry, up: number, down: number): void {
    entry.contact.bytesUp += up;
    entry.contact.bytesDown += down;
    this.#totals.bytesUp += up;
    this.#totals.bytesDown += down;
  }

  totals(): Totals {
    return { ...this.#totals };
  }

  /** The latest last. */
  contacts(): Contact[] {
    return this.#lines.map(({ contact, entry }) => entry?.sofar() ?? contact);
  }
}
