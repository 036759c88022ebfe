// One answer of a model, by whatever it takes: tries again what may pass, goes to the next model of the list where one is out
// of order, and shows a model less where it cannot read so much.
import type { z } from "zod";
import { pause } from "../../shared/stop.ts";
import type { Fit } from "./fit.ts";
import type { Charging } from "./charging.ts";
import { ModelError, type Message, type Model, type ModelPiece, type ModelReply, type ToolSpec } from "./model.ts";

export type Asking = {
  /** In the order in which they are tried. */
  readonly models: readonly Model[];
  readonly instructions: string;
  readonly tools: readonly ToolSpec[];
  /** The answer is to be JSON of this shape. */
  readonly answer?: z.ZodType;
  readonly charging: Charging;
  readonly fit: Fit;
  readonly signal: AbortSignal;
  /** Models of the list that are out of order; remembered from one question to the next. */
  readonly out: Set<Model>;
};

export type Listening =
  | { readonly kind: "model"; readonly name: string; readonly reason?: string }
  | ModelPiece
  /** What came so far of this answer does not count. */
  | { readonly kind: "again"; readonly reason: string };

const MAX_TRIES = 3;
const MAX_SHRINKS = 3;
const FIRST_WAIT_MS = 500;

/** Throws the last ModelError when no model is left, AppError `budget`, or the signal's reason. */
export async function* ask(
  asking: Asking,
  messages: readonly Message[],
  mayCall: boolean,
): AsyncGenerator<Listening, { readonly reply: ModelReply; readonly model: string }> {
  let last: ModelError | null = null;
  for (const model of asking.models) {
    if (asking.out.has(model)) continue;
    if (last !== null) yield { kind: "model", name: model.name, reason: last.message };
    try {
      return { reply: yield* askOne(asking, model, messages, mayCall), model: model.name };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      last = error;
      if (error.failure !== "overflow") asking.out.add(model);
    }
  }
  throw last ?? new ModelError("unreachable", "No model is left that could be asked.");
}

async function* askOne(
  asking: Asking,
  model: Model,
  messages: readonly Message[],
  mayCall: boolean,
): AsyncGenerator<Listening, ModelReply> {
  const { instructions, tools, answer, signal, charging } = asking;
  let [tries, shrinks] = [1, 0];
  for (;;) {
    const fitting = asking.fit(model, { instructions, tools, messages }, shrinks);
    const request = { instructions, tools, messages: fitting, mayCall, ...(answer === undefined ? {} : { answer }) };
    const charge = await charging(model, request);
    let isSettled = false;
    try {
      const reply = yield* model.ask({ ...request, maxOutputTokens: charge.maxOutputTokens }, signal);
      isSettled = true;
      await charge.settle(reply.usage);
      return reply;
    } catch (error) {
      if (!isSettled) await charge.settle(error instanceof ModelError && !error.wasBilled ? "unbilled" : null);
      if (!(error instanceof ModelError)) throw error;
      if (error.failure === "overflow" && shrinks < MAX_SHRINKS) shrinks += 1;
      else if (mayPass(error) && tries < MAX_TRIES) {
        await pause(error.retryAfterMs ?? FIRST_WAIT_MS * 2 ** (tries - 1), signal);
        tries += 1;
      } else throw error;
      yield { kind: "again", reason: error.message };
    }
  }
}

const mayPass = ({ failure }: ModelError): boolean =>
  failure === "busy" || failure === "unreachable" || failure === "truncated";
