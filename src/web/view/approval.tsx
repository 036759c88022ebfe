// What a job may do only with a person's yes: what exactly, and two buttons.
import { useSignal } from "@preact/signals";
import type { JobApproval } from "../../shared/types.ts";
import { useApp } from "../app.ts";
import { AlertIcon } from "./icons.tsx";

const DECIDED = {
  approved: "You said yes.",
  refused: "You said no.",
  expired: "Nobody answered within a day.",
} as const;

export function ApprovalCard({ approval }: { readonly approval: JobApproval }) {
  const { api } = useApp();
  const isSent = useSignal(false);
  const refusal = useSignal("");
  const decide = async (decision: "approved" | "refused"): Promise<void> => {
    isSent.value = true;
    refusal.value = "";
    await api.decide(approval, decision).catch((error: unknown) => {
      refusal.value = error instanceof Error ? error.message : String(error);
    });
    isSent.value = false;
  };
  return (
    <section class="approval-card" aria-label="Your permission is needed">
      <div class="error-head">
        <AlertIcon />
        <p>{approval.title}</p>
      </div>
      {approval.decision === null ? (
        <div class="approval-buttons">
          <button
            type="button"
            class="button button-primary"
            disabled={isSent.value}
            onClick={() => void decide("approved")}
          >
            Allow once
          </button>
          <button type="button" class="button" disabled={isSent.value} onClick={() => void decide("refused")}>
            No
          </button>
          <p role="alert">{refusal.value}</p>
        </div>
      ) : (
        <p class="approval-decided">{DECIDED[approval.decision]}</p>
      )}
    </section>
  );
}
