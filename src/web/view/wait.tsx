// Why a job does not run yet: its place in the line, its time, or a failed attempt; and the ways not to wait.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useApp } from "../app.ts";
import { momentText, restText } from "../text.ts";
import type { Turn } from "../transcript.ts";
import { ClockIcon } from "./icons.tsx";

export function Wait({ turn }: { readonly turn: Turn }) {
  const { thread } = useApp();
  const now = useNow(turn.retry?.at ?? turn.startsAt);
  if (turn.retry !== null) return <Patience turn={turn} text={retryText(turn, now)} goOn="Try now" />;
  if (turn.startsAt !== null && turn.startsAt > now)
    return <Patience turn={turn} text={`Starts ${momentText(turn.startsAt, now)}`} goOn="Start now" />;
  if (thread.isBehind(turn)) return <Patience turn={turn} text="Waits for the one before it" goOn={null} />;
  return (
    <p class="step-wait">
      <span class="spinner" />
      {workingText(turn)}
    </p>
  );
}

function workingText(turn: Turn): string {
  if (turn.status === "sending") return turn.files.length > 0 ? "Sending the files…" : "Sending…";
  return turn.status === "pending" ? "Waiting for its turn…" : "Working…";
}

function retryText({ retry, maxAttempts }: Turn, now: number): string {
  if (retry === null) return "";
  const when = retry.at > now ? `in ${restText(retry.at - now)}` : "in a moment";
  const next = retry.attempt + 1;
  return `Trying again ${when} (${maxAttempts === null ? `attempt ${next}` : `${next} of ${maxAttempts}`}): ${retry.error.message}`;
}

type PatienceProps = { readonly turn: Turn; readonly text: string; readonly goOn: string | null };

function Patience({ turn, text, goOn }: PatienceProps) {
  const { api } = useApp();
  const isAsked = useSignal(false);
  const ask = async (call: (jobId: string) => Promise<void>): Promise<void> => {
    if (turn.jobId === null) return;
    isAsked.value = true;
    // The event that follows takes this line away; without one it may be asked again.
    await call(turn.jobId).catch(() => undefined);
    isAsked.value = false;
  };
  return (
    <div class="step-wait">
      <ClockIcon size={16} />
      <p>{text}</p>
      <span class="wait-ways">
        {goOn !== null && (
          <button type="button" class="link-button" disabled={isAsked.value} onClick={() => void ask(api.retry)}>
            {goOn}
          </button>
        )}
        <button type="button" class="link-button" disabled={isAsked.value} onClick={() => void ask(api.cancel)}>
          Cancel
        </button>
      </span>
    </div>
  );
}

/** Now, looked at each second until `until` has come. */
function useNow(until: number | null): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    now.value = Date.now();
    if (until === null) return undefined;
    const timer = setInterval(() => {
      now.value = Date.now();
      if (now.value >= until) clearInterval(timer);
    }, 1_000);
    return () => clearInterval(timer);
  }, [until]);
  return now.value;
}
