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

const FAST_LANES = 6;
/** Their admissions take a quarter of a second, so that nearly always one is in flight. */
const SLOW_LANES = 3;
const MAX_TALKS = 200;
const MAX_LENGTH = 30;
const ANSWER_WITHIN_MS = 20_000;
const LOOK_AGAIN_MS = 15;

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
      const port = this.#options.port();
      if (port === null || !(isSlow || this.#options.hasRoom())) await pause(LOOK_AGAIN_MS, stop);
      else await this.#sendOne(port, isSlow);
    }
  }

  async #sendOne(port: number, isSlow: boolean): Promise<void> {
    const talk = this.#take();
    this.#inFlight += 1;
    try {
      const response = await fetch(`http://127.0.0.1:${port}/api/messages`, {
        method: "POST",
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
        ...(isSlow ? this.#form(talk) : this.#json(talk)),
      });
      if (response.status === 202) this.#take202(talk, Receipt.parse(await response.json()), isSlow);
      else this.#refused(response.status);
    } catch {
      // Killed in the middle: the message may have got in.
      this.#unsure += 1;
    } finally {
      this.#inFlight -= 1;
      this.#release(talk);
    }
  }

  #take202(talk: Talk, receipt: z.infer<typeof Receipt>, isSlow: boolean): void {
    const { job_id: job, conversation_id: conversation } = receipt;
    append(this.#options.ledger, { kind: "acknowledged", job, conversation, door: isSlow ? "form" : "http" });
    this.#acknowledged += 1;
    talk.id = conversation;
    talk.length += 1;
  }

  #refused(status: number): void {
    this.#unsure += 1;
    this.#refusals.set(status, (this.#refusals.get(status) ?? 0) + 1);
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

  #json(talk: Talk) {
    const body = { text: this.#words(), ...(talk.id === null ? {} : { conversation_id: talk.id }) };
    return { headers: { ...this.#bearer(), "Content-Type": "application/json" }, body: JSON.stringify(body) };
  }

  #form(talk: Talk) {
    const boundary = `chaos${Bun.randomUUIDv7()}`;
    const field = (name: string, value: string) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const opening =
      field("text", this.#words()) +
      (talk.id === null ? "" : field("conversation_id", talk.id)) +
      `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="table.csv"\r\nContent-Type: text/csv\r\n\r\na,b\r\n`;
    return {
      headers: { ...this.#bearer(), "Content-Type": `multipart/form-data; boundary=${boundary}` },
      body: slowly(opening, `1,2\r\n--${boundary}--\r\n`, 50 + Math.random() * 350),
    };
  }

  readonly #bearer = () => ({ Authorization: `Bearer ${this.#options.token}` });
  readonly #words = () => sayTask(randomTask(this.#options.hasDeltas()));
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
