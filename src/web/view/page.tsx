// The frame of the page: which screen is shown, the landmarks, and the keys that work everywhere.
import { useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useApp, type App } from "../app.ts";
import { ConnectionBanner, NoticeBar } from "./banner.tsx";
import { Composer } from "./composer.tsx";
import { DropZone } from "./drop.tsx";
import { EmptyState } from "./empty.tsx";
import { Header } from "./header.tsx";
import { Sidebar } from "./sidebar.tsx";
import { ThreadView } from "./thread.tsx";
import { Gate } from "./gate.tsx";

export function Page() {
  const app = useApp();
  useDocumentTitle(app);
  const pairing = app.pairing.value;
  if (pairing === "unpaired" || pairing === "offline") return <Gate />;
  if (pairing === "checking" && app.session.value === null) return <div class="boot" aria-busy="true" />;
  return <Desk />;
}

function Desk() {
  const app = useApp();
  useShortcuts(app);
  const state = app.thread.state.value;
  const isEmpty = state === "new" && app.thread.entries.value.length === 0;
  return (
    <>
      <a class="skip-link" href="#composer-text" onClick={focusComposer}>
        Skip to the message box
      </a>
      <div class={app.isSidebarOpen.value ? "desk" : "desk desk-wide"}>
        <Sidebar />
        <div class="stage">
          <Header />
          <main class={isEmpty ? "main main-empty" : "main"} aria-label="Conversation">
            <NoticeBar />
            {isEmpty ? <EmptyState /> : <ThreadView />}
            <ConnectionBanner />
            <Composer />
          </main>
        </div>
      </div>
      <DropZone />
      <div class="sr-only" aria-live="polite" aria-atomic="true">
        {app.announcement.value}
      </div>
    </>
  );
}

function focusComposer(event: Event): void {
  event.preventDefault();
  document.getElementById("composer-text")?.focus();
}

function useDocumentTitle(app: App): void {
  useSignalEffect(() => {
    const id = app.thread.conversationId.value;
    const open = app.conversations.list.value?.find((conversation) => conversation.id === id);
    document.title = open === undefined ? "Sandpiper" : `${open.title} · Sandpiper`;
  });
}

function useShortcuts(app: App): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if ((event.ctrlKey || event.metaKey) && event.shiftKey && event.code === "KeyO") {
        event.preventDefault();
        app.router.go({ conversationId: null });
        document.getElementById("composer-text")?.focus();
      }
      if (event.shiftKey && event.key === "Escape") document.getElementById("composer-text")?.focus();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [app]);
}
