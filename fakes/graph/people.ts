// Everybody who has a phone, found by whatever the service knows them by.
import { Person, type Network } from "./person.ts";

export type NewPerson = {
  readonly name?: string;
  readonly username?: string;
  /** Null: a person whose number the business does not get to see. Made up if it is not told. */
  readonly waId?: string | null;
  /** Null: a person of the time before ids within a business. Made up if it is not told. */
  readonly userId?: string | null;
};

export class People {
  readonly all: Person[] = [];
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
  }

  add({ name, username, waId, userId }: NewPerson = {}): Person {
    const number = String(15_550_000_001 + this.all.length);
    const identity = {
      name: name ?? `Person ${this.all.length + 1}`,
      username: username ?? null,
      waId: waId === undefined ? number : waId,
      userId: userId === undefined ? this.#network.newUserId() : userId,
    };
    if (identity.waId === null && identity.userId === null) throw new Error("A person needs a number or an id.");
    const person = new Person(identity, this.#network);
    this.all.push(person);
    return person;
  }

  /** By number if there is one, else by the id within the business. A number or id that was given up finds nobody. */
  find(waId: string | null, userId: string | null): Person | null {
    const isIt = ({ identity }: Person) => (waId === null ? identity.userId === userId : identity.waId === waId);
    return this.all.find(isIt) ?? null;
  }

  whoSent(messageId: string): Person | null {
    return this.all.find(({ chat }) => chat.find(messageId)?.from === "person") ?? null;
  }
}
