// A form as JSON would say it: its fields, and the files beside them.
import { AppError } from "../shared/errors.ts";

export type Form = {
  /** Without those that were left empty. */
  readonly fields: { readonly [name: string]: string };
  readonly files: readonly File[];
};

export const MAX_FILES = 50;

/** Throws AppError for what is no form, for too many files, and for files and words in each other's place. */
export async function readForm(request: Request): Promise<Form> {
  const entries = [...(await formData(request))];
  const files = entries.flatMap(([name, part]) => fileIn(name, part));
  if (files.length > MAX_FILES) throw new AppError("too_large", `That is more than ${MAX_FILES} files in one message.`);
  const fields = entries.flatMap(([name, part]) =>
    typeof part === "string" && part !== "" ? [[name, unixLines(part)] as const] : [],
  );
  return { fields: Object.fromEntries(fields), files };
}

async function formData(request: Request): Promise<FormData> {
  try {
    return await request.formData();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("bad_request", "The form could not be read.", { cause: error });
  }
}

function fileIn(name: string, part: FormDataEntryValue): File[] {
  if (typeof part === "string") {
    if (name === "files") throw new AppError("bad_request", "form.files: must be a file (with curl: -F files=@NAME).");
    return [];
  }
  if (name === "files") return [part];
  throw new AppError("bad_request", `form.${name.slice(0, 100)}: a file belongs into the field “files”.`);
}

/** Forms carry line ends as CRLF (HTML, multipart/form-data); people wrote LF. */
const unixLines = (text: string): string => text.replaceAll("\r\n", "\n");
