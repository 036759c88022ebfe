// A question before something that cannot be undone. It closes when the deed is done, and says so when it failed.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

type ConfirmProps = {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly onConfirm: () => Promise<void>;
  readonly onClose: () => void;
};

export function ConfirmDialog({ title, text, action, onConfirm, onClose }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const problem = useSignal("");
  useEffect(() => dialog.current?.showModal(), []);
  const confirm = async (): Promise<void> => {
    try {
      await onConfirm();
      dialog.current?.close();
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
  };
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={onClose}>
      <h2 id="confirm-title">{title}</h2>
      <p>{text}</p>
      {problem.value !== "" && (
        <p class="confirm-problem" role="alert">
          {problem.value}
        </p>
      )}
      <div class="confirm-actions">
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          Keep it
        </button>
        <button type="button" class="button button-danger" onClick={() => void confirm()}>
          {action}
        </button>
      </div>
    </dialog>
  );
}
