// What a message asks for, before anybody works on it: a command, or which type of job, and about which files.
import type { JobInput, JobType, UploadedFile } from "../shared/types.ts";

export type Intent = { readonly type: JobType; readonly input: JobInput };

/** What people ask of the assistant itself: the same words everywhere. */
const COMMANDS = ["start", "help", "stop", "new", "status", "cost", "files", "again", "settings", "whoami"] as const;
export type Command = (typeof COMMANDS)[number];

/** Null for what is a message. Forwarded words command nothing. An unknown command asks for help. */
export function commandIn(message: {
  readonly text: string;
  readonly files: readonly unknown[];
  readonly code?: string;
  readonly isForwarded?: boolean;
}): Command | null {
  if (message.isForwarded === true || message.files.length > 0 || message.code !== undefined) return null;
  const word = /^\/([a-z]+)(?:@\w+)?(?:\s|$)/i.exec(message.text.trim())?.[1]?.toLowerCase();
  if (word === undefined) return null;
  return COMMANDS.find((command) => command === word) ?? "help";
}

/** `earlier` are the files that the conversation was last about: "now by month" means them. */
export function decide(
  message: { readonly text: string; readonly files: readonly UploadedFile[]; readonly code?: string },
  earlier: readonly UploadedFile[],
): Intent {
  const files = message.files.length > 0 ? message.files : isTalk(message.text) ? [] : earlier;
  const input: JobInput = {
    ...(message.text === "" ? {} : { prompt: message.text }),
    ...(message.code === undefined ? {} : { code: message.code }),
    ...(files.length === 0 ? {} : { files: files.map((file) => file.id) }),
  };
  if (message.code !== undefined || files.length > 0) return { type: "code_exec", input };
  return { type: isWebPage(message.text) ? "browser" : "chat", input };
}

/** Words to the assistant rather than about the data. */
function isTalk(text: string): boolean {
  return /^\s*(\/\w+|hi|hello|hey|thanks?( you)?|help|what can you do|how does this work|status|what files .*|(what|how much) .*\b(cost|spent)\b.*)[\s!?.]*$/i.test(
    text,
  );
}

const isWebPage = (text: string): boolean => /\bhttps?:\/\/\S+/i.test(text);
