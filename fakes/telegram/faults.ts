// What goes wrong on purpose. A fault waits for calls of its method and is used up after so many of them.

type Kind =
  /** The service answers with an error. `isHtml`: as its proxy does, with a page; `isAfterEffect`: it did it all the same. */
  | {
      readonly kind: "status";
      readonly code: number;
      readonly description?: string;
      readonly retryAfterS?: number;
      readonly isHtml?: boolean;
      readonly isAfterEffect?: boolean;
    }
  /** Accepted, nothing done, never answered. */
  | { readonly kind: "hang" }
  /** The connection is cut: nothing was done, or everything. */
  | { readonly kind: "drop-before-effect" }
  | { readonly kind: "drop-after-effect" }
  /** Done and answered, `ms` late. */
  | { readonly kind: "slow"; readonly ms: number }
  /** Done; half of the JSON arrives. */
  | { readonly kind: "truncate" }
  /** Nobody listens for `ms`; the call that met it is cut before its effect. */
  | { readonly kind: "refuse"; readonly ms: number };

/** `method` "*" is every method; "download" is the fetch of a file. `times` is 1 unless said. */
export type Fault = Kind & {
  readonly method: string;
  readonly times?: number;
  /** Only calls with such parameters. */
  readonly matches?: (parameters: Readonly<Record<string, unknown>>) => boolean;
};

export class Faults {
  #waiting: { readonly fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#waiting.push({ fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#waiting = [];
  }

  /** How many are still to come. */
  get left(): number {
    return this.#waiting.reduce((sum, { left }) => sum + left, 0);
  }

  take(method: string, parameters: Readonly<Record<string, unknown>>): Fault | undefined {
    const found = this.#waiting.find(
      ({ fault }) => (fault.method === "*" || fault.method === method) && (fault.matches?.(parameters) ?? true),
    );
    if (found === undefined) return undefined;
    found.left -= 1;
    this.#waiting = this.#waiting.filter(({ left }) => left > 0);
    return found.fault;
  }
}
