// A sandbox that is only a map of files: what collecting, settling and the handlers need of one.
import { AppError } from "../../src/shared/errors.ts";
import type { JobSandbox, RunOptions, RunOutcome, SandboxFile } from "../../src/worker/e2b_client.ts";
import type { OpenedSandbox } from "../../src/worker/sandboxes.ts";

export type FakeFile = { readonly content: string; readonly bytes?: number; readonly modifiedAt?: number };

export type FakeSandbox = OpenedSandbox & {
  /** By path. What a program would write, a test sets. */
  readonly files: Map<string, FakeFile>;
  readonly uploaded: string[];
  readonly isDead: () => boolean;
};

export const NOTHING: RunOutcome = { results: [], error: null };

/** `run` is what the code does; `download` may be replaced by one that lies. */
export function fakeSandbox(
  run: (files: Map<string, FakeFile>, options: RunOptions, code: string) => Promise<RunOutcome> | RunOutcome = () =>
    NOTHING,
  download?: JobSandbox["download"],
): FakeSandbox {
  const files = new Map<string, FakeFile>();
  const uploaded: string[] = [];
  let isDead = false;
  const list = (): SandboxFile[] =>
    [...files].map(([path, file]) => ({
      path,
      bytes: file.bytes ?? Buffer.byteLength(file.content),
      modifiedAt: file.modifiedAt ?? 1,
    }));
  const read = (path: string): ReadableStream<Uint8Array> => {
    const file = files.get(path);
    if (file === undefined) throw new AppError("sandbox", "There is no such file.");
    return new Blob([file.content]).stream();
  };
  const kill = () => {
    isDead = true;
    return Promise.resolve(true);
  };
  return {
    id: "fake",
    files,
    uploaded,
    isDead: () => isDead,
    upload: async (path, source) => {
      uploaded.push(path);
      files.set(path, { content: await Bun.file(source).text() });
    },
    run: async (code, options) => run(files, options, code),
    command: () => Promise.resolve(0),
    connect: () => Promise.resolve(),
    contacts: () => Promise.resolve([]),
    list: () => Promise.resolve(list()),
    download: download ?? (async (path) => read(path)),
    price: () => Promise.resolve(0),
    endIn: () => Promise.resolve(),
    kill,
    close: async () => void (await kill()),
    [Symbol.asyncDispose]: async () => void (await kill()),
  };
}
