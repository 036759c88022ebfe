// Files dropped anywhere on the window. The overlay lives on heartbeats (dragover), so that it can never stick.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useApp } from "../app.ts";
import { attach } from "./composer.tsx";
import { UploadIcon } from "./icons.tsx";

/** Browsers repeat dragover at least every 350 ms (± 200) while something is held over the page. */
const HEARTBEAT_MS = 700;

export function DropZone() {
  const app = useApp();
  const isShown = useSignal(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hide = (): void => {
      clearTimeout(timer);
      isShown.value = false;
    };
    const onDragOver = (event: DragEvent): void => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      if (event.dataTransfer !== null) event.dataTransfer.dropEffect = "copy";
      isShown.value = true;
      clearTimeout(timer);
      timer = setTimeout(hide, HEARTBEAT_MS);
    };
    const onDrop = (event: DragEvent): void => {
      hide();
      if (!carriesFiles(event)) return;
      event.preventDefault();
      const conversationId = app.thread.conversationId.peek();
      const { files, folders } = contentOf(event);
      attach(app, conversationId, files);
      if (folders > 0) {
        app.drafts.of(conversationId).refusal.value = "A folder cannot be sent as it is. Pack it into a .zip first.";
      }
      document.getElementById("composer-text")?.focus();
    };
    const onDragLeave = (event: DragEvent): void => {
      if (event.relatedTarget === null) hide();
    };
    const life = new AbortController();
    const options = { signal: life.signal };
    addEventListener("dragover", onDragOver, options);
    addEventListener("drop", onDrop, options);
    addEventListener("dragleave", onDragLeave, options);
    addEventListener("dragend", hide, options);
    addEventListener("blur", hide, options);
    return () => {
      clearTimeout(timer);
      life.abort();
    };
  }, [app, isShown]);
  if (!isShown.value) return null;
  return (
    <div class="drop" aria-hidden="true">
      <div class="drop-card">
        <UploadIcon size={32} />
        <strong>Drop to attach</strong>
        <span>Any kind of file, several at once</span>
      </div>
    </div>
  );
}

function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** Folders arrive as files that cannot be read: they are told apart here, while the event is alive. */
function contentOf(event: DragEvent): { files: File[]; folders: number } {
  const items = [...(event.dataTransfer?.items ?? [])].filter((item) => item.kind === "file");
  const files = items.filter((item) => !isFolder(item)).map((item) => item.getAsFile());
  return { files: files.filter((file) => file !== null), folders: items.length - files.length };
}

function isFolder(item: DataTransferItem): boolean {
  return item.webkitGetAsEntry()?.isDirectory ?? false;
}
