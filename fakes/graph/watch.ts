// Who waits for something to happen in the fake is woken by it; nobody polls.

export class Watch {
  readonly #listeners = new Set<() => void>();

  notify(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Called after every change until the returned function is. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when `condition` holds. Rejects with `describe()` when it does not within `withinMs`. */
  async until(condition: () => boolean, withinMs = 5_000, describe: () => string = () => ""): Promise<void> {
    if (condition()) return;
    const held = Promise.withResolvers<void>();
    const unsubscribe = this.subscribe(() => {
      if (condition()) held.resolve();
    });
    const timer = setTimeout(() => held.reject(new Error(`Not within ${withinMs} ms. ${describe()}`)), withinMs);
    try {
      await held.promise;
    } finally {
      clearTimeout(timer);
      unsubscribe();
    }
  }
}
