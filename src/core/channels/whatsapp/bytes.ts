// Bytes of strangers, never more than were bargained for.

/** Null: there is more than that; the rest is not read. */
export async function readAtMost(
  stream: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The same bytes. The stream fails with what these return as soon as it is more than that, or at its end another hash. */
export function verified(
  stream: ReadableStream<Uint8Array>,
  wanted: { readonly maxBytes: number; readonly sha256: string },
  refuse: { readonly tooLarge: () => Error; readonly mismatch: () => Error },
): ReadableStream<Uint8Array> {
  const hash = new Bun.CryptoHasher("sha256");
  let bytes = 0;
  return stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        bytes += chunk.byteLength;
        if (bytes > wanted.maxBytes) {
          controller.error(refuse.tooLarge());
          return;
        }
        hash.update(chunk);
        controller.enqueue(chunk);
      },
      flush: (controller) => {
        if (hash.digest("hex") !== hexOf(wanted.sha256)) controller.error(refuse.mismatch());
      },
    }),
  );
}

/** Webhooks have hashes in Base64, answers in hex. */
const hexOf = (sha256: string): string =>
  /^[0-9a-f]{64}$/i.test(sha256) ? sha256.toLowerCase() : Buffer.from(sha256, "base64").toString("hex");
