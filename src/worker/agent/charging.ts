// What a question to a model may cost is reserved before it is asked, and settled when the model says what it took.
import type { Budget } from "../budget.ts";
import type { Model, ModelRequest, Usage } from "./model.ts";
import { priceOf } from "./prices.ts";
import { countRequest } from "./tokens.ts";

export type Charge = {
  /** As many as the budget has room for. */
  readonly maxOutputTokens: number;
  /** Null: nobody counted, so all that was reserved is spent. */
  readonly settle: (usage: Usage | "unbilled" | null) => Promise<void>;
};

/** Throws AppError `budget` if the question itself is too dear. */
export type Charging = (model: Model, request: Omit<ModelRequest, "maxOutputTokens">) => Promise<Charge>;

/** Long enough for a program or a page of text. */
const MAX_OUTPUT_TOKENS = 8_000;
/** With less than that no model says anything useful. */
const MIN_OUTPUT_TOKENS = 256;

export function createCharging(budget: Budget): Charging {
  return async (model, request) => {
    const { provider, url } = model;
    const inputTokens = countRequest(request);
    const maxOutputTokens = affordable(model, inputTokens, budget.remainingMicroUsd());
    const worst = priceOf({ provider, model: model.model, url, inputTokens, outputTokens: maxOutputTokens });
    const reserved = await budget.reserve({ kind: "model", provider, subject: model.model, microUsd: worst.microUsd });
    const settle: Charge["settle"] = (usage) => {
      // A server that counted nothing has not counted.
      if (usage === null || (usage !== "unbilled" && usage.inputTokens + usage.outputTokens === 0))
        return reserved.settle({
          costMicroUsd: worst.microUsd,
          isEstimate: true,
          units: { inputTokens, outputTokens: maxOutputTokens },
        });
      if (usage === "unbilled") return reserved.settle({ costMicroUsd: 0, isEstimate: false, units: {} });
      const { microUsd, isEstimate } = priceOf({ provider, model: model.model, url, ...usage });
      return reserved.settle({ costMicroUsd: microUsd, isEstimate, units: { ...usage } });
    };
    return { maxOutputTokens, settle };
  };
}

/** Cut so that question and answer fit into what is left; never below the least, whose reservation is then refused. */
function affordable({ provider, model, url }: Model, inputTokens: number, leftMicroUsd: number): number {
  const costOf = (outputTokens: number) => priceOf({ provider, model, url, inputTokens, outputTokens }).microUsd;
  const [question, whole] = [costOf(0), costOf(MAX_OUTPUT_TOKENS)];
  if (whole <= leftMicroUsd) return MAX_OUTPUT_TOKENS;
  const share = (leftMicroUsd - question) / Math.max(1, whole - question);
  return Math.max(MIN_OUTPUT_TOKENS, Math.floor(share * MAX_OUTPUT_TOKENS * 0.99));
}
