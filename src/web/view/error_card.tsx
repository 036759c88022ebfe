// When there is no answer: what happened, the details for the curious, and the way on.
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
      <RetryButton onRetry={onRetry} />
    </section>
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

function RetryButton({ onRetry }: Pick<CardProps, "onRetry">) {
  return (
    <button type="button" class="button" onClick={() => void onRetry()}>
      <RetryIcon size={18} />
      Try again
    </button>
  );
}
