// People at core's door: conversations with one message after the other, some with a file that comes slowly.
import { z } from "zod";
import { pause } from "../../src/shared/stop.ts";
import { append } from "./ledger.ts";
import { randomTask, sayTask } from "./task.ts";

export type DoorOptions = {
  readonly ledger: string;
  readonly token: string;
  /** Null while nobody listens. */
  readonly port: () => number | null;
  /** Whether the backlog has room. */
  readonly hasRoom: () => boolean;
  readonly hasDeltas: () => boolean;
};

const Receipt = z.object({ job_id: z.string(), conversation_id: z.string() });
type Talk = { id: string | null; length: number };
type Message = { readonly talk: Talk; readonly key: string; readonly words: string; readonly isSlow: boolean };

const FAST_LANES = 6;
/** Their admissions take a quarter of a second, so that nearly always one is in flight. */
const SLOW_LANES = 3;
const MAX_TALKS = 200;
const MAX_LENGTH = 30;
const ANSWER_WITHIN_MS = 20_000;
/** Some lines are cut so soon after the sending that often the message is in and its answer is lost. */
const CUT_MS = 12;
const LOOK_AGAIN_MS = 15;
const MANY = 100;

export class Door {
  readonly #options: DoorOptions;
  readonly #idle: Talk[] = [];
  #talks = 0;
  #acknowledged = 0;
  #unsure = 0;
  #inFlight = 0;
  readonly #refusals = new Map<number, number>();

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Messages without an answer: their jobs may be there or not. */
  get unsure(): number {
    return this.#unsure;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** How many answers were no acknowledgement, by status. */
  get refusals(): ReadonlyMap<number, number> {
    return this.#refusals;
  }

  /** Sends until the signal aborts, and then waits for the last answers. */
  async keepSending(stop: AbortSignal): Promise<void> {
    const lanes = Array.from({ length: FAST_LANES + SLOW_LANES }, (_, index) => this.#lane(index < SLOW_LANES, stop));
    await Promise.all(lanes);
  }

  async #lane(isSlow: boolean, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      if (this.#options.port() !== null && (isSlow || this.#options.hasRoom())) await this.#deliver(isSlow, stop);
      else await pause(LOOK_AGAIN_MS, stop);
    }
  }

  /** One message: half of the people send it again under its key until they are answered, the others give up. */
  async #deliver(isSlow: boolean, stop: AbortSignal): Promise<void> {
    const talk = this.#take();
    const key = Bun.randomUUIDv7();
    const words = sayTask(randomTask(key, this.#options.hasDeltas()));
    let isAnswered = false;
    for (let tries = Math.random() < 0.5 ? 1 : MANY; tries > 0 && !isAnswered && !stop.aborted; tries -= 1)
      isAnswered = await this.#send({ talk, key, words, isSlow }, stop);
    if (!isAnswered) this.#unsure += 1;
    this.#release(talk);
  }

  /** True when it was acknowledged. */
  async #send(message: Message, stop: AbortSignal): Promise<boolean> {
    while (this.#options.port() === null && !stop.aborted) await pause(LOOK_AGAIN_MS, stop);
    this.#inFlight += 1;
    try {
      const { headers, body } = message.isSlow ? form(message) : json(message);
      const response = await fetch(`http://127.0.0.1:${this.#options.port() ?? 0}/api/messages`, {
        method: "POST",
        signal: AbortSignal.timeout(Math.random() < 0.05 ? Math.random() * CUT_MS : ANSWER_WITHIN_MS),
        headers: { ...headers, Authorization: `Bearer ${this.#options.token}`, "Idempotency-Key": message.key },
        body,
      });
      if (response.status === 202) this.#note(message, Receipt.parse(await response.json()));
      else this.#refusals.set(response.status, (this.#refusals.get(response.status) ?? 0) + 1);
      return response.status === 202;
    } catch {
      // Killed or cut in the middle: the message may have got in.
      return false;
    } finally {
      this.#inFlight -= 1;
    }
  }

  #note({ talk, isSlow }: Message, { job_id: job, conversation_id: conversation }: z.infer<typeof Receipt>): void {
    append(this.#options.ledger, { kind: "acknowledged", job, conversation, door: isSlow ? "form" : "http" });
    this.#acknowledged += 1;
    talk.id = conversation;
    talk.length += 1;
  }
  /** One that nobody speaks in at this moment: so the answers come in the order of the messages. */
  #take(): Talk {
    if (this.#talks < MAX_TALKS) {
      this.#talks += 1;
      return { id: null, length: 0 };
    }
    const [talk] = this.#idle.splice(Math.floor(Math.random() * this.#idle.length), 1);
    return talk ?? { id: null, length: 0 };
  }

  #release(talk: Talk): void {
    if (talk.id !== null && talk.length < MAX_LENGTH) this.#idle.push(talk);
    else this.#talks -= 1;
  }
}

function json({ talk, words }: Message) {
  const body = { text: words, ...(talk.id === null ? {} : { conversation_id: talk.id }) };
  return { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

function form({ talk, words }: Message) {
  const boundary = `chaos${Bun.randomUUIDv7()}`;
  const field = (name: string, value: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const opening =
    field("text", words) +
    (talk.id === null ? "" : field("conversation_id", talk.id)) +
    `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="table.csv"\r\nContent-Type: text/csv\r\n\r\na,b\r\n`;
  return {
    headers: { "Content-Type": `multipart/form-data; boundary=${boundary}` },
    body: slowly(opening, `1,2\r\n--${boundary}--\r\n`, 50 + Math.random() * 350),
  };
}

/** The second half comes later than the first. */
function slowly(first: string, second: string, afterMs: number): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start: async (controller) => {
      controller.enqueue(encoder.encode(first));
      await Bun.sleep(afterMs);
      try {
        controller.enqueue(encoder.encode(second));
        controller.close();
      } catch (error) {
        // Nobody listens any more: core was killed meanwhile.
        if (!(error instanceof TypeError)) throw error;
      }
    },
  });
}
