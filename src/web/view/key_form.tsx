// Where a key is entered: it is tried before it is kept, and never shown again.
import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ModelState, Provider } from "../api.ts";
import { useApp } from "../app.ts";
import { Problem } from "./panel.tsx";

type FormProps = {
  readonly provider: Provider;
  readonly onKept: (state: ModelState) => void;
  readonly onClose: () => void;
};

export function KeyForm({ provider, onKept, onClose }: FormProps) {
  const { api } = useApp();
  const { name, title } = provider;
  const field = useRef<HTMLInputElement>(null);
  const isTrying = useSignal(false);
  const problem = useSignal("");
  useEffect(() => field.current?.focus(), []);
  const enter = async (isUntried: boolean): Promise<void> => {
    const key = field.current?.value.trim() ?? "";
    problem.value = "";
    isTrying.value = true;
    try {
      onKept(await api.enterKey(name, key, isUntried));
      onClose();
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
    isTrying.value = false;
  };
  return (
    <form
      class="key-form"
      onSubmit={(event) => {
        event.preventDefault();
        void enter(false);
      }}
    >
      <KeyField provider={provider} field={field} />
      <Problem text={problem.value} />
      <div class="models-actions">
        <button type="submit" class="button button-primary" disabled={isTrying.value}>
          {isTrying.value ? "Trying …" : "Try and keep"}
        </button>
        {problem.value !== "" && (
          <button type="button" class="button" disabled={isTrying.value} onClick={() => void enter(true)}>
            Keep it untried
          </button>
        )}
        <button type="button" class="button" disabled={isTrying.value} onClick={onClose}>
          Cancel
        </button>
      </div>
      <p class="sr-only" role="status">
        {isTrying.value ? `Trying the key of ${title} …` : ""}
      </p>
    </form>
  );
}

type FieldProps = { readonly provider: Provider; readonly field: RefObject<HTMLInputElement | null> };

function KeyField({ provider: { name, title }, field }: FieldProps) {
  return (
    <>
      <label for={`key-${name}`}>Key of {title}</label>
      <input
        ref={field}
        id={`key-${name}`}
        type="password"
        // Browsers fill in what they know, in spite of "off".
        autocomplete="new-password"
        spellcheck={false}
        required
        maxLength={500}
        aria-describedby={`key-about-${name}`}
      />
      <p id={`key-about-${name}`}>
        It is tried with a request for the list of models, kept on this machine, and never shown again.
      </p>
    </>
  );
}
