// Where a message is written: words, files, send and stop.
import { useComputed } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useApp, type App } from "../app.ts";
import { MAX_FILES } from "../drafts.ts";
import { limitText } from "../text.ts";
import { FileChip } from "./chip.tsx";
import { Choices } from "./choices.tsx";
import { ArrowUpIcon, PaperclipIcon } from "./icons.tsx";
import { StopButton } from "./stop_button.tsx";

export function Composer() {
  const app = useApp();
  const conversationId = app.thread.conversationId.value;
  const draft = app.drafts.of(conversationId);
  const isSendable = useComputed(() => {
    const current = app.drafts.of(app.thread.conversationId.value);
    return current.text.value.trim() !== "" || current.files.value.length > 0;
  });
  const active = app.activeEntry.value;
  return (
    <div class="composer-place">
      <form
        class="composer"
        aria-label="Message"
        onSubmit={(event) => {
          event.preventDefault();
          if (isSendable.peek()) void sendDraft(app, draft.text.peek());
        }}
      >
        <div class="composer-box">
          {draft.files.value.length > 0 && (
            <ul class="chips" aria-label="Files to send">
              {draft.files.value.map(({ key, file }) => (
                <FileChip
                  key={key}
                  name={file.name}
                  bytes={file.size}
                  onRemove={() => app.drafts.detach(conversationId, key)}
                />
              ))}
            </ul>
          )}
          <div class="composer-field">
            <MessageBox key={app.thread.openCount.value} conversationId={conversationId} />
            {draft.files.value.length > 0 && (
              <Choices isIdle={draft.text.value.trim() !== ""} onChoose={(words) => void sendDraft(app, words)} />
            )}
          </div>
          <div class="composer-tools">
            <AttachButton conversationId={conversationId} />
            <span class="composer-hint" id="composer-hint">
              {app.session.value !== null && `Any file up to ${limitText(app.session.value.maxUploadBytes)}`}
            </span>
            {active !== null && <StopButton entry={active} />}
            {(active === null || isSendable.value) && (
              <button type="submit" class="send" aria-label="Send" disabled={!isSendable.value}>
                <ArrowUpIcon />
              </button>
            )}
          </div>
        </div>
        <p class="composer-refusal" role="alert">
          {draft.refusal.value}
        </p>
      </form>
    </div>
  );
}

async function sendDraft(app: App, words: string): Promise<void> {
  const conversationId = app.thread.conversationId.peek();
  const draft = app.drafts.of(conversationId);
  const attachments = draft.files.peek().map(({ file }) => file);
  const text = words.trim();
  app.drafts.clear(conversationId);
  const names = attachments.map((file) => ({ id: "", name: file.name, bytes: file.size }));
  await app.send({ text, attachments, uploadIds: [], example: null }, names);
}

type PartProps = { readonly conversationId: string | null };

function MessageBox({ conversationId }: PartProps) {
  const app = useApp();
  const box = useRef<HTMLTextAreaElement>(null);
  const draft = app.drafts.of(conversationId);
  const text = draft.text.value;
  useLayoutEffect(() => {
    if (box.current === null) return;
    box.current.style.height = "auto";
    box.current.style.height = `${box.current.scrollHeight}px`;
  }, [text]);
  // As soon as it is there: whoever types at once types into it.
  useLayoutEffect(() => {
    // On a touch screen this would open the keyboard over the page.
    if (matchMedia("(pointer: fine)").matches) box.current?.focus();
  }, [app.sentCount.value]);
  return (
    <textarea
      ref={box}
      id="composer-text"
      class="composer-text"
      rows={1}
      value={text}
      placeholder={draft.files.value.length > 0 ? "What shall I do with it?" : "Ask anything, or drop a file"}
      aria-label="Message"
      aria-describedby="composer-hint"
      enterkeyhint="send"
      autocomplete="off"
      onInput={(event) => app.drafts.write(conversationId, event.currentTarget.value)}
      onKeyDown={(event) => {
        // Enter that ends the composition of a character (IME) is not meant for us; 229 is how older engines say so.
        if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
        event.preventDefault();
        event.currentTarget.form?.requestSubmit();
      }}
      onPaste={(event) => {
        const files = [...(event.clipboardData?.files ?? [])];
        if (files.length === 0) return;
        event.preventDefault();
        attach(app, conversationId, files);
      }}
    />
  );
}

function AttachButton({ conversationId }: PartProps) {
  const app = useApp();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        class="icon-button"
        aria-label="Attach files"
        title={`Attach up to ${MAX_FILES} files`}
        onClick={() => input.current?.click()}
      >
        <PaperclipIcon />
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files"
        onChange={(event) => {
          attach(app, conversationId, [...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
          document.getElementById("composer-text")?.focus();
        }}
      />
    </>
  );
}

export function attach(app: App, conversationId: string | null, files: readonly File[]): void {
  const { maxUploadBytes } = app.session.peek() ?? { maxUploadBytes: Number.POSITIVE_INFINITY };
  app.drafts.attach(conversationId, files, maxUploadBytes);
}
