// One request to a host and its answer, both streamed, with what belongs to this connection only taken out.
import { Incoming } from "./incoming.ts";
import {
  encodeHead,
  keepsAlive,
  MessageError,
  parseResponse,
  responseBody,
  withoutHops,
  type Body,
  type Head,
} from "./message.ts";
import type { Pipe } from "./pipe.ts";
import { Refusal } from "./refusal.ts";
import type { Upstream } from "./visit.ts";

export type Exchange = {
  readonly head: Head;
  readonly body: Body;
  /** With query. */
  readonly path: string;
  readonly incoming: Incoming;
  readonly client: Pipe;
  readonly upstream: Upstream;
};

/** Servers send more headers than clients do. */
const ANSWER_HEAD_BYTES = 128 * 1024;

/** True when the client may ask again. Throws MessageError or Refusal only before anything was answered. */
export async function exchange(one: Exchange): Promise<boolean> {
  const { head, body, incoming, client, upstream } = one;
  const [method, , version] = head.start;
  await upstream.pipe.write(encodeHead({ start: [method, one.path, version], fields: outgoingFields(one) }));
  const upload = send(incoming, body, upstream.pipe);
  const answers = new Incoming(upstream.pipe.read);
  const answer = await finalAnswer(answers, client, method, upstream);
  const answerBody = responseBody(answer, method);
  const isKept = keepsAlive(head, version) && keepsAlive(answer, answer.start[0]) && hasEnd(answer, method);
  await client.write(encodeHead(answerHead(answer, isKept)));
  try {
    await answers.pass(answerBody, client.write);
  } catch {
    // Half an answer cannot be mended: the client sees that it is cut off.
    client.destroy();
    upstream.pipe.destroy();
    return false;
  }
  if (!isKept || !body.isDone) return false;
  await upload;
  return true;
}

/** A host that does not want the rest of a body says so in its answer; a client that breaks off ends it all. */
async function send(incoming: Incoming, body: Body, upstream: Pipe): Promise<void> {
  let isWanted = true;
  const write = async (chunk: Uint8Array): Promise<void> => {
    await upstream.write(chunk).catch(() => (isWanted = false));
    if (!isWanted) throw new MessageError("the host does not want the body");
  };
  try {
    await incoming.pass(body, write);
  } catch {
    if (isWanted) upstream.destroy();
  }
}

/** Interim answers (100, 103) are passed on at once. */
async function finalAnswer(answers: Incoming, client: Pipe, method: string, upstream: Upstream): Promise<Head> {
  while (true) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const answer = await readAnswer(answers, upstream.target.host);
    const status = Number(answer.start[1]);
    if (status >= 200) {
      responseBody(answer, method);
      return answer;
    }
    if (status === 101)
      throw new Refusal(
        502,
        "answer",
        `${upstream.target.host} changes the protocol, which works through CONNECT only.`,
      );
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await client.write(encodeHead({ ...answer, fields: withoutHops(answer) }));
  }
}

async function readAnswer(answers: Incoming, host: string): Promise<Head> {
  const broken = (why: string): Refusal => new Refusal(502, "answer", `${host} gave no proper answer: ${why}.`);
  const bytes = await answers
    .head(ANSWER_HEAD_BYTES, () => broken("its headers are too large"))
    .catch((error: unknown) => {
      throw error instanceof Refusal ? error : broken("the connection broke");
    });
  if (bytes === null) throw broken("the connection ended");
  try {
    const answer = parseResponse(bytes);
    responseBody(answer, "GET");
    return answer;
  } catch (error) {
    throw broken(error instanceof MessageError ? error.message : "it is not HTTP");
  }
}

function outgoingFields({ head, upstream }: Exchange): Head["fields"] {
  const set = Object.entries(upstream.headers ?? {});
  const replaced = new Set(["host", ...set.map(([name]) => name.toLowerCase())]);
  const kept = withoutHops(head).filter(([name]) => !replaced.has(name.toLowerCase()));
  return [
    ["Host", authorityOf(upstream)],
    ...kept,
    ...set,
    ["Connection", keepsAlive(head, head.start[2]) ? "keep-alive" : "close"],
  ];
}

function authorityOf({ target: { host, port, address }, headers }: Upstream): string {
  const name = address?.family === 6 ? `[${host}]` : host;
  return port === (headers === undefined ? 80 : 443) ? name : `${name}:${port}`;
}

function answerHead(answer: Head, isKept: boolean): Head {
  const [, status, reason] = answer.start;
  return {
    start: ["HTTP/1.1", status, reason],
    fields: [...withoutHops(answer), ["Connection", isKept ? "keep-alive" : "close"]],
  };
}

function hasEnd(answer: Head, method: string): boolean {
  if (responseBody(answer, method).isDone) return true;
  return answer.fields.some(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name));
}
