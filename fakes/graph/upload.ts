// The form of POST /media.
import { z } from "zod";
import { GraphFailure } from "./failure.ts";

const Upload = z.object({
  messaging_product: z.literal("whatsapp"),
  file: z.instanceof(File),
  type: z.string().min(1).optional(),
  /** Content-Type of the file's own part. */
  partType: z.string(),
});

/** What came, before anybody judged it. */
export type Form = { readonly [name: string]: FormDataEntryValue };

/** An empty form if it cannot be read. */
export async function readForm(request: Request): Promise<Form> {
  const bytes = Buffer.from(await request.arrayBuffer());
  const headers = { "content-type": request.headers.get("content-type") ?? "" };
  const form = await new Response(bytes, { headers }).formData().catch(() => new FormData());
  return { ...Object.fromEntries(form), partType: partTypeOf(bytes) };
}

/** The type of the part wins; `type` is for a part that has none. Throws what the service refuses. */
export async function readUpload(form: unknown): Promise<{ bytes: Uint8Array<ArrayBuffer>; mediaType: string }> {
  const result = Upload.safeParse(form);
  if (!result.success) {
    const name = String(result.error.issues[0]?.path[0] ?? "file");
    throw new GraphFailure(100, `The parameter ${name} is required.`);
  }
  const { file, type = "", partType } = result.data;
  const isTyped = partType !== "" && partType !== "application/octet-stream";
  const mediaType = (isTyped ? partType : type) || "application/octet-stream";
  return { bytes: new Uint8Array(await file.arrayBuffer()), mediaType };
}

/** Read by hand: Bun's File has the type that its first bytes look like, whatever the part says. */
function partTypeOf(bytes: Buffer): string {
  const start = bytes.indexOf('name="file"');
  const head = bytes.subarray(Math.max(start, 0), bytes.indexOf("\r\n\r\n", Math.max(start, 0)));
  return /content-type: *([^\r\n]+)/i.exec(head.toString("latin1"))?.[1] ?? "";
}
