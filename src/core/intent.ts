// What a message asks for, before anybody works on it: which type of job, and about which files.
import type { JobInput, JobType, UploadedFile } from "../shared/types.ts";

export type Intent = { readonly type: JobType; readonly input: JobInput };

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
