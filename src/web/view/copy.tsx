// A button that puts text on the clipboard and says so for a moment.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { AlertIcon, CheckIcon, CopyIcon } from "./icons.tsx";

const SHOWN_MS = 1_600;

type Outcome = "ready" | "copied" | "refused";
const WORDS: Record<Outcome, string> = { ready: "Copy", copied: "Copied", refused: "Not allowed" };

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const outcome = useSignal<Outcome>("ready");
  useEffect(() => {
    if (outcome.value === "ready") return undefined;
    const timer = setTimeout(() => {
      outcome.value = "ready";
    }, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome.value]);
  const copy = async (): Promise<void> => {
    outcome.value = await navigator.clipboard.writeText(text).then(
      (): Outcome => "copied",
      (): Outcome => "refused",
    );
  };
  return (
    <button type="button" class="copy" aria-label={label} onClick={() => void copy()}>
      {outcome.value === "copied" ? (
        <CheckIcon size={16} />
      ) : outcome.value === "refused" ? (
        <AlertIcon size={16} />
      ) : (
        <CopyIcon size={16} />
      )}
      <span aria-hidden="true">{WORDS[outcome.value]}</span>
    </button>
  );
}
