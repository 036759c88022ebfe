// Faults on demand: the service as it is on a bad day.
import type { Call, CallName } from "./calls.ts";
import { GraphFailure, answerOf } from "./failure.ts";

type Trouble =
  /** An error of the service. `text` in place of the JSON: a gateway's page. */
  | {
      readonly kind: "status";
      readonly http: number;
      readonly code?: number;
      readonly title?: string;
      readonly retryAfterSeconds?: number;
      readonly text?: string;
      readonly isAfterEffect?: true;
    }
  /** No answer until the caller goes. */
  | { readonly kind: "hang"; readonly isAfterEffect?: true }
  | { readonly kind: "drop-before-effect" | "drop-after-effect" }
  | { readonly kind: "slow"; readonly ms: number }
  /** Half of the true answer, then the connection ends. */
  | { readonly kind: "truncate" }
  /** This connection ends without effect, and new ones are refused for `ms`. */
  | { readonly kind: "refuse"; readonly ms: number }
  /** To an address of the test's choice, or to `stranger`, a server on another host that notes who brings a bearer. */
  | { readonly kind: "redirect"; readonly to?: string }
  /** Bytes that are not those of the hash: another hash from `media-url`, other bytes from `download`. */
  | { readonly kind: "wrong-sha256" }
  | { readonly kind: "endless" };

export type Fault = Trouble & {
  readonly call: CallName | "*";
  /** 1 if it is not told; Infinity: until `clear`. */
  readonly times?: number;
  readonly when?: (call: Call) => boolean;
};

/** What a fault needs of the server that it happens to. */
export type Scene = {
  /** What the service would have done and answered. */
  readonly effect: () => Promise<Response>;
  readonly signal: AbortSignal;
  readonly refuse: (ms: number) => void;
  readonly stranger: string;
};

const ENDLESS_BYTES = new Uint8Array(65_536);

export class Faults {
  readonly #pending: { readonly fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#pending.push({ fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#pending.length = 0;
  }

  /** How often faults that were added will still happen. */
  get left(): number {
    return this.#pending.reduce((sum, { left }) => sum + left, 0);
  }

  /** The first fault that fits, counted down. */
  take(call: Call): Fault | null {
    const fits = ({ fault, left }: { fault: Fault; left: number }): boolean =>
      left > 0 && (fault.call === "*" || fault.call === call.call) && (fault.when?.(call) ?? true);
    const found = this.#pending.find(fits);
    if (found === undefined) return null;
    found.left -= 1;
    return found.fault;
  }
}

/** What the caller gets in place of the plain answer. */
export async function happen(fault: Fault, scene: Scene): Promise<Response> {
  switch (fault.kind) {
    case "status":
      if (fault.isAfterEffect) await scene.effect();
      return refusal(fault);
    case "hang":
      if (fault.isAfterEffect) await scene.effect();
      return await silence(scene.signal);
    case "drop-before-effect":
      return brokenOff(null);
    case "drop-after-effect":
      await scene.effect();
      return brokenOff(null);
    case "slow":
      await Bun.sleep(fault.ms);
      return await scene.effect();
    case "truncate":
      return brokenOff(await scene.effect());
    case "refuse":
      scene.refuse(fault.ms);
      return brokenOff(null);
    case "redirect":
      return new Response(null, { status: 302, headers: { location: fault.to ?? scene.stranger } });
    case "wrong-sha256":
      return await falsified(await scene.effect());
    case "endless":
      break;
  }
  return new Response(new ReadableStream({ pull: (stream) => stream.enqueue(ENDLESS_BYTES) }));
}

function refusal({ http, code = 131000, title, retryAfterSeconds, text }: Fault & { kind: "status" }): Response {
  if (text !== undefined) return new Response(text, { status: http, headers: { "content-type": "text/html" } });
  const shape = {
    http,
    ...(title !== undefined && { title }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  };
  return answerOf(new GraphFailure(code, title ?? "A fault that was asked for.", shape));
}

async function silence(signal: AbortSignal): Promise<Response> {
  const gone = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => gone.resolve(), { once: true });
  if (!signal.aborted) await gone.promise;
  return new Response(null, { status: 499 });
}

/** Ends the connection: at once, or after half of the answer. An error without a value is what Bun does not log. */
async function brokenOff(answer: Response | null): Promise<Response> {
  if (answer === null) return new Response(new ReadableStream({ pull: (stream) => stream.error() }));
  const whole = new Uint8Array(await answer.arrayBuffer());
  let isSent = false;
  const pull = async (stream: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    if (isSent) {
      // One turn of the loop, so that the half is on the wire before the end.
      await Bun.sleep(1);
      return stream.error();
    }
    isSent = true;
    stream.enqueue(whole.subarray(0, Math.ceil(whole.byteLength / 2)));
  };
  return new Response(new ReadableStream({ pull }), { status: answer.status, headers: plainHeaders(answer) });
}

async function falsified(answer: Response): Promise<Response> {
  if (answer.headers.get("content-type")?.startsWith("application/json")) {
    const text = await answer.text();
    return new Response(text.replace(/("sha256":")[0-9a-f]{64}/, `$1${"0".repeat(64)}`), answer);
  }
  const bytes = new Uint8Array(await answer.arrayBuffer());
  bytes[0] = (bytes[0] ?? 0) ^ 0xff;
  return new Response(bytes, { status: answer.status, headers: plainHeaders(answer) });
}

function plainHeaders(answer: Response): Record<string, string> {
  return { "content-type": answer.headers.get("content-type") ?? "application/octet-stream" };
}
