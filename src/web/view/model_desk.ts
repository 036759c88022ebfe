// What the dialog of models knows and does.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Models, ModelState } from "../api.ts";
import { useApp } from "../app.ts";

export type ModelDesk = {
  readonly models: Models;
  /** Does what a person asked for, and shows what came of it. */
  readonly act: (work: () => Promise<ModelState>) => Promise<void>;
  readonly show: (state: ModelState) => void;
};

/** `models` is null until core has answered. */
export function useModels() {
  const { api } = useApp();
  const models = useSignal<Models | null>(null);
  const problem = useSignal("");
  const isBusy = useRef(false);
  const closing = useRef(new AbortController());
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    if (isBusy.current) return;
    isBusy.current = true;
    problem.value = "";
    try {
      await work();
    } catch (error) {
      if (!closing.current.signal.aborted) problem.value = error instanceof Error ? error.message : String(error);
    }
    isBusy.current = false;
  };
  const look = (): Promise<void> =>
    attempt(async () => {
      models.value = await api.models(closing.current.signal);
    });
  // What runs on this machine does not change by what is chosen.
  const show = (state: ModelState): void => {
    models.value = { ...state, local: models.value?.local ?? [] };
  };
  const act = (work: () => Promise<ModelState>): Promise<void> => attempt(async () => show(await work()));
  useEffect(() => {
    void look();
    return () => closing.current.abort();
  }, []);
  return { models: models.value, problem: problem.value, look, act, show };
}
