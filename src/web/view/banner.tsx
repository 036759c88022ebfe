// News about the connection and the sandbox. The banner lies over the thread, so that nothing jumps.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useApp } from "../app.ts";
import { AlertIcon } from "./icons.tsx";

/** A line that is back within this time was never worth a word. */
const PATIENCE_MS = 900;

export function ConnectionBanner() {
  const app = useApp();
  const isLost = useComputed(() => app.live.status.value === "lost");
  const isShown = useSignal(false);
  useEffect(() => {
    if (!isLost.value) {
      isShown.value = false;
      return undefined;
    }
    const timer = setTimeout(() => {
      isShown.value = true;
    }, PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isLost.value]);
  return (
    <div class="banner-place" role="status">
      {isShown.value && (
        <div class="banner">
          <span class="spinner" />
          <span>Connection lost. Reconnecting…</span>
          <button type="button" class="link-button" onClick={() => app.live.retryNow()}>
            Try now
          </button>
        </div>
      )}
    </div>
  );
}

export function NoticeBar() {
  const session = useApp().session.value;
  if (session === null) return null;
  const notice =
    session.notice ?? (session.sandboxReady ? null : "The sandbox is getting ready. Questions wait for it.");
  if (notice === null) return null;
  return (
    <div class="notice" role="note">
      <AlertIcon size={18} />
      <p>{notice}</p>
    </div>
  );
}
