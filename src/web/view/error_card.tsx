// When there is no answer: what happened, the details for the curious, and the way on.
import { useSignal } from "@preact/signals";
import type { JobError } from "../../shared/types.ts";
import { useApp } from "../app.ts";
import type { Entry } from "../thread.ts";
import { CopyButton } from "./copy.tsx";
import { AlertIcon, ChevronIcon, RetryIcon, StopIcon } from "./icons.tsx";

type CardProps = { readonly error: JobError | null; readonly onRetry: () => Promise<void> };

export function ErrorCard({ error, onRetry }: CardProps) {
  const detail = error?.detail ?? "";
  return (
    <section class="error-card" aria-label="Error">
      <div class="error-head">
        <AlertIcon />
        <p>{error?.message ?? "The job failed and left no message."}</p>
      </div>
      {detail !== "" && (
        <details class="fold">
          <summary>
            <ChevronIcon size={16} />
            Details
          </summary>
          <div class="traceback">
            <CopyButton text={detail} label="Copy the details" />
            <pre tabIndex={0} role="region" aria-label="Details of the error">
              {detail}
            </pre>
          </div>
        </details>
      )}
      <EarlierAttempts attempts={error?.attempts ?? []} />
      <RetryButton onRetry={onRetry} />
    </section>
  );
}

function EarlierAttempts({ attempts }: { readonly attempts: NonNullable<JobError["attempts"]> }) {
  if (attempts.length === 0) return null;
  return (
    <details class="fold">
      <summary>
        <ChevronIcon size={16} />
        {attempts.length === 1 ? "An earlier attempt failed, too" : `${attempts.length} earlier attempts failed, too`}
      </summary>
      <ol class="attempts">
        {attempts.map(({ attempt, message }) => (
          <li key={attempt}>
            <span>Attempt {attempt}</span> {message}
          </li>
        ))}
      </ol>
    </details>
  );
}

export function StoppedCard({ onRetry }: Pick<CardProps, "onRetry">) {
  return (
    <section class="stopped-card" aria-label="Stopped">
      <p>
        <StopIcon size={18} />
        Stopped at your request.
      </p>
      <RetryButton onRetry={onRetry} />
    </section>
  );
}

export function UnsentCard({ entry }: { readonly entry: Entry }) {
  const app = useApp();
  const { error } = entry.turn.value;
  return <ErrorCard error={error} onRetry={() => app.sendAgain(entry)} />;
}

/** What follows from it comes as an event; a refusal is told beside the button. */
function RetryButton({ onRetry }: Pick<CardProps, "onRetry">) {
  const isAsked = useSignal(false);
  const refusal = useSignal("");
  const retry = async (): Promise<void> => {
    isAsked.value = true;
    refusal.value = "";
    await onRetry().catch((error: unknown) => {
      refusal.value = error instanceof Error ? error.message : String(error);
    });
    isAsked.value = false;
  };
  return (
    <div class="retry">
      <button type="button" class="button" disabled={isAsked.value} onClick={() => void retry()}>
        <RetryIcon size={18} />
        Try again
      </button>
      <p role="alert">{refusal.value}</p>
    </div>
  );
}
