// A foreign program that keeps the file open: SQLite's shell, told what to do line by line.

/** `say` resolves with what it printed once it has done what it was told. */
export async function shellSession(file: string) {
  const child = Bun.spawn(["sqlite3", "-bail", file], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let heard = "";
  const say = async (statements: string): Promise<string> => {
    void child.stdin.write(`${statements}\n.print told\n`);
    await child.stdin.flush();
    while (!heard.endsWith("told\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`The shell has ended: ${heard}`);
      heard += decoder.decode(value);
    }
    const said = heard.slice(0, -"told\n".length).trim();
    heard = "";
    return said;
  };
  await say(".output");
  return {
    say,
    [Symbol.asyncDispose]: async () => {
      await child.stdin.end();
      await child.exited;
    },
  };
}
