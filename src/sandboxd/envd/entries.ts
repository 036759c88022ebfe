// Files as the room's agent describes them, checked, and in the words of E2B.
import { z } from "zod";
import { FrameError } from "../room/frames.ts";

const Entry = z.object({
  name: z.string(),
  path: z.string(),
  type: z.enum(["file", "dir", "symlink", "other"]),
  size: z.number(),
  mode: z.number(),
  permissions: z.string(),
  owner: z.string(),
  group: z.string(),
  modified: z.string(),
  target: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
});

const TYPES = {
  file: "FILE_TYPE_FILE",
  dir: "FILE_TYPE_DIRECTORY",
  symlink: "FILE_TYPE_SYMLINK",
  other: "FILE_TYPE_UNSPECIFIED",
} as const;

/** EntryInfo of E2B's filesystem.proto as JSON. Throws FrameError for what no healthy agent sends. */
export function entryInfo(value: unknown): object {
  const parsed = Entry.safeParse(value);
  if (!parsed.success) throw new FrameError("The room described a file in a way that is not part of the protocol.");
  const { type, size, modified, target, ...rest } = parsed.data;
  return {
    ...rest,
    type: TYPES[type],
    size: String(size),
    modifiedTime: modified,
    ...(target === undefined ? {} : { symlinkTarget: target }),
  };
}
