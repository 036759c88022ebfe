// A dialog with a title, a way out, and what went wrong.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { CloseIcon } from "./icons.tsx";

type PanelProps = {
  readonly title: string;
  /** "" when all is well. */
  readonly problem: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
};

export function Panel({ title, problem, onClose, children }: PanelProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="panel" aria-labelledby="panel-title" onClose={onClose}>
      <div class="panel-head">
        <h2 id="panel-title">{title}</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={() => dialog.current?.close()}>
          <CloseIcon />
        </button>
      </div>
      <Problem text={problem} />
      {children}
    </dialog>
  );
}

export function Problem({ text }: { readonly text: string }) {
  if (text === "") return null;
  return (
    <p class="panel-problem" role="alert">
      {text}
    </p>
  );
}

type ActionProps = {
  readonly label: string;
  /** Of what, for those who do not see where the button is. */
  readonly of: string;
  readonly isForKey?: boolean;
  readonly onClick: () => void;
};

export function Action({ label, of, isForKey = false, onClick }: ActionProps) {
  return (
    <button
      type="button"
      class="button"
      data-key={isForKey ? "" : undefined}
      aria-label={`${label}: ${of}`}

      onClick={onClick}
    >
      {label}
    </button>
  );
}
