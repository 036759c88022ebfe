// How the account is: asked of the platform at the start, and told by what becomes of messages.
import { aborted, pause } from "../../../shared/stop.ts";
import { DeliveryError, type Door } from "../channel.ts";
import type { Graph } from "./graph.ts";

export type Pause = typeof pause;

export type Health = {
  /** Until the signal aborts. */
  readonly watch: (door: Door, signal: AbortSignal) => Promise<void>;
  /** A message was taken, or was not. */
  readonly onSent: () => void;
  readonly onFailure: (error: DeliveryError) => void;
  /** Ours, digits only; null until it was told. */
  readonly number: () => string | null;
};

const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;
/** Whoever is refused does not ask again and again. */
const REFUSED_MS = 300_000;

export function createHealth(graph: Graph, wait: Pause): Health {
  let door: Door | null = null;
  let number: string | null = null;
  let isRefused = false;
  let alarm = new AbortController();

  const refuse = (error: DeliveryError): void => {
    isRefused = true;
    door?.tell({ state: "refused", detail: `${error.message}. Check SANDPIPER_WHATSAPP_TOKEN and the account.` });
  };
  const approve = (): void => {
    isRefused = false;
    door?.tell({ state: "up", detail: "" });
  };

  /** How long until the next question. */
  const probe = async (failures: number, signal: AbortSignal): Promise<number | null> => {
    try {
      number = await graph.probe(signal);
      approve();
      return null;
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      if (signal.aborted) return null;
      const mayPass = error.failure === "not_sent" || error.failure === "ambiguous";
      if (mayPass) door?.tell({ state: "down", detail: error.message });
      else refuse(error);
      return mayPass ? Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** failures) : REFUSED_MS;
    }
  };

  return {
    watch: async (opened, signal) => {
      door = opened;
      for (let failures = 0; !signal.aborted;) {
        alarm = new AbortController();
        const waitMs = await probe(failures, signal);
        failures = waitMs === null ? 0 : failures + 1;
        if (waitMs === null) await aborted(AbortSignal.any([signal, alarm.signal]));
        await wait(waitMs ?? REFUSED_MS, signal);
      }
    },
    onSent: () => {
      if (isRefused) approve();
    },
    onFailure: (error) => {
      if (error.failure !== "auth") return;
      refuse(error);
      alarm.abort();
    },
    number: () => number,
  };
}
