// The proxy's side of one connection of a room: CONNECT, absolute requests, and requests inside of a TLS that ends here.
import { TLSSocket } from "node:tls";
import { exchange } from "./exchange.ts";
import { Incoming } from "./incoming.ts";
import { MessageError, parseRequest, requestBody, valuesOf, type Head } from "./message.ts";
import { duplexOf, pipeOf, type Pipe } from "./pipe.ts";
import { encodeRefusal, Refusal } from "./refusal.ts";
import { parseTarget, type Target } from "./target.ts";
import type { Upstream, Visit } from "./visit.ts";

const ESTABLISHED = Buffer.from("HTTP/1.1 200 Connection established\r\n\r\n");
const HTTP_PORT = 80;
/** What a client says after it was refused is heard so long, that it does not miss the answer. */
const LINGER_BYTES = 256 * 1024;

/** Never rejects: what goes wrong is answered, or ends the connection. `refusal`: there are too many already. */
export async function serve(visit: Visit, refusal: Refusal | null): Promise<void> {
  const incoming = new Incoming(() => visit.client.read());
  try {
    if (refusal !== null) {
      visit.note(null, refusal);
      throw refusal;
    }
    await requests(visit, visit.client, incoming, null);
    await leave(visit.client, incoming);
  } catch (error) {
    await answerAndLeave(visit.client, incoming, error).catch(() => undefined);
  }
}

/** One request after the other; `fixed` is the host to which the client believes to speak directly. */
async function requests(visit: Visit, client: Pipe, incoming: Incoming, fixed: Upstream | null): Promise<void> {
  let upstream = fixed;
  const tooLarge = (): Refusal => {
    const refusal = new Refusal(431, "headers", `The headers of a request may have ${visit.headBytes} bytes together.`);
    visit.note(null, refusal);
    return refusal;
  };
  while (true) {
    visit.expectHead();
    // oxlint-disable-next-line no-await-in-loop -- one request after the other
    const bytes = await incoming.head(visit.headBytes, tooLarge);
    if (bytes === null) return;
    const head = noted(visit, () => parseRequest(bytes));
    if (fixed === null && head.start[0] === "CONNECT") {
      // oxlint-disable-next-line no-await-in-loop -- the last of the loop
      await connectTo(visit, incoming, head);
      return;
    }
    const { target, path } = noted(visit, () =>
      fixed === null ? absoluteTarget(head) : innerTarget(head, fixed.target),
    );
    const body = noted(visit, () => requestBody(head));
    // oxlint-disable-next-line no-await-in-loop -- one request after the other
    if (upstream === null || upstream.pipe.isStale() || !isSame(upstream.target, target))
      upstream = await visit.open(target);
    visit.expectAnswer();
    // oxlint-disable-next-line no-await-in-loop -- one request after the other
    if (!(await exchange({ head, body, path, incoming, client, upstream }))) return;
  }
}

/** Past this point the client's bytes are its own matter, unless its rules set headers for this host. */
async function connectTo(visit: Visit, incoming: Incoming, head: Head): Promise<void> {
  const target = noted(visit, () => connectTarget(head));
  const upstream = await visit.open(target);
  await visit.client.write(ESTABLISHED);
  if (upstream.headers !== undefined) await interceptedRequests(visit, incoming, upstream);
  else await tunnel(visit.client, incoming, upstream.pipe);
}

async function tunnel(client: Pipe, incoming: Incoming, upstream: Pipe): Promise<void> {
  const up = incoming.passAll(upstream.write).then(() => upstream.end());
  const down = new Incoming(upstream.read).passAll(client.write).then(() => client.end());
  try {
    await Promise.all([up, down]);
  } catch {
    // One side broke: so does the other.
    client.destroy();
    upstream.destroy();
  }
}

async function interceptedRequests(visit: Visit, incoming: Incoming, upstream: Upstream): Promise<void> {
  const raw = duplexOf({ ...visit.client, read: () => incoming.chunk() });
  const { key, cert } = visit.authority().identityOf(upstream.target.host);
  const secured = new TLSSocket(raw, {
    isServer: true,
    key,
    cert,
    ALPNProtocols: ["http/1.1"],
  });
  const inner = pipeOf(secured);
  const innerIncoming = new Incoming(inner.read);
  try {
    await requests(visit, inner, innerIncoming, upstream);
    await leave(inner, innerIncoming);
  } catch (error) {
    await answerAndLeave(inner, innerIncoming, error);
  } finally {
    inner.destroy();
  }
}

/** What is wrong with a request is in the ledger as well. */
function noted<Value>(visit: Visit, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    const refusal =
      error instanceof MessageError ? new Refusal(400, "request", `The request is refused: ${error.message}.`) : error;
    if (refusal instanceof Refusal) visit.note(null, refusal);
    throw refusal;
  }
}

function connectTarget(head: Head): Target {
  const target = targetOf(head.start[1], null);
  // Older clients leave the Host of a CONNECT out, or the port in it.
  if (valuesOf(head, "host").length > 0) checkHost(head, target, target.port);
  return target;
}

function absoluteTarget(head: Head): { readonly target: Target; readonly path: string } {
  const [, authority, path = ""] = /^http:\/\/([^/?#]*)([/?][^#]*)?$/i.exec(head.start[1]) ?? [];
  if (authority === undefined)
    throw new Refusal(400, "request", "This is a proxy: it takes CONNECT, and requests for http:// addresses.");
  const target = targetOf(authority, HTTP_PORT);
  checkHost(head, target, HTTP_PORT);
  return { target, path: path.startsWith("/") ? path : `/${path}` };
}

function innerTarget(head: Head, target: Target): { readonly target: Target; readonly path: string } {
  const path = head.start[1];
  if (!path.startsWith("/") && path !== "*") throw new Refusal(400, "request", "The request names no path.");
  checkHost(head, target, target.port);
  return { target, path };
}

function targetOf(text: string, defaultPort: number | null): Target {
  const target = parseTarget(text, defaultPort);
  if (typeof target !== "string") return target;
  throw new Refusal(403, "host", `"${text.slice(0, 100)}" is no host to connect to: ${target}.`);
}

/** There is one host, and both places that name it agree. */
function checkHost(head: Head, target: Target, defaultPort: number): void {
  const values = valuesOf(head, "host");
  if (values.length === 0 && head.start[2] === "HTTP/1.0") return;
  const [value] = values;
  const named = value === undefined ? "there is none" : parseTarget(value, defaultPort);
  if (values.length === 1 && typeof named !== "string" && isSame(named, target)) return;
  throw new Refusal(400, "host", "The Host header and the address of the request do not agree.");
}

function isSame(one: Target, other: Target): boolean {
  return one.host === other.host && one.port === other.port;
}

/** A connection that broke has nobody to answer. */
async function answerAndLeave(client: Pipe, incoming: Incoming, error: unknown): Promise<void> {
  if (!(error instanceof Refusal)) return;
  await client.write(encodeRefusal(error));
  await leave(client, incoming);
}

/** Not before everything has arrived there. */
async function leave(client: Pipe, incoming: Incoming): Promise<void> {
  await client.end();
  let left = LINGER_BYTES;
  while (left > 0) {
    // oxlint-disable-next-line no-await-in-loop -- a stream is read in its order
    const chunk = await incoming.chunk();
    if (chunk === null) return;
    left -= chunk.length;
  }
}
