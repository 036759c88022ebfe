// Stops the job at work. Says "Stopping…" at once; the end itself comes as an event.
import { useSignal } from "@preact/signals";
import { useApp } from "../app.ts";
import type { Entry } from "../thread.ts";
import { StopIcon } from "./icons.tsx";

export function StopButton({ entry }: { readonly entry: Entry }) {
  const app = useApp();
  const stopping = useSignal<string | null>(null);
  const { jobId } = entry.turn.value;
  const isStopping = jobId !== null && stopping.value === jobId;
  const stop = async (): Promise<void> => {
    if (jobId === null) return;
    stopping.value = jobId;
    await app.api.cancel(jobId).catch(() => {
      stopping.value = null;
    });
  };
  return (
    <button type="button" class="stop" disabled={jobId === null || isStopping} onClick={() => void stop()}>
      <StopIcon size={18} />
      {isStopping ? "Stopping…" : "Stop"}
    </button>
  );
}
