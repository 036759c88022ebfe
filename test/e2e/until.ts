// Waiting for what no event tells, the process table for one: a condition, asked again until its deadline.

const ASK_MS = 20;

/** Throws when `condition` does not hold within `withinMs`; `describe` says what was found instead. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
  describe: () => string = () => "",
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Not within ${withinMs} ms. ${describe()}`);
    await Bun.sleep(ASK_MS);
  }
}
