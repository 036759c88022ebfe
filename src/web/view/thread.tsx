// The open conversation, scrolled: it follows new content only while the reader is at its end.
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { useApp } from "../app.ts";
import { ArrowDownIcon } from "./icons.tsx";
import { TurnView } from "./turn.tsx";

/** Within this distance the reader is taken to be at the end. */
const NEAR_PX = 64;
/** Only the reader leaves the end. Content that shrinks and grows moves the position as well, but without a gesture. */
const GESTURE_MS = 1_000;

export function ThreadView() {
  const app = useApp();
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const lastTop = useRef(0);
  const gestureAt = useRef(Number.NEGATIVE_INFINITY);
  const isAtEnd = useSignal(true);
  const noteGesture = (): void => {
    gestureAt.current = performance.now();
  };
  const toEnd = (): void => {
    isAtEnd.value = true;
    if (scroller.current === null) return;
    scroller.current.scrollTop = scroller.current.scrollHeight;
    lastTop.current = scroller.current.scrollTop;
  };
  useLayoutEffect(() => {
    if (scroller.current === null || content.current === null) return undefined;
    const observer = new ResizeObserver(() => {
      if (isAtEnd.peek()) toEnd();
    });
    observer.observe(scroller.current);
    observer.observe(content.current);
    return () => observer.disconnect();
  }, []);
  useEffect(toEnd, [app.sentCount.value, app.thread.conversationId.value]);
  return (
    <div class="scroll-place">
      <div
        ref={scroller}
        class="scroller"
        role="log"
        aria-live="off"
        aria-label="Messages"
        // Scrolled by keyboard, too.
        tabIndex={0}
        onWheel={noteGesture}
        onTouchMove={noteGesture}
        onPointerDown={noteGesture}
        onKeyDown={noteGesture}
        onScroll={({ currentTarget: at }) => {
          if (at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_PX) isAtEnd.value = true;
          else if (at.scrollTop < lastTop.current && performance.now() - gestureAt.current < GESTURE_MS)
            isAtEnd.value = false;
          lastTop.current = at.scrollTop;
        }}
      >
        <div ref={content} class="thread">
          <ThreadContent />
        </div>
      </div>
      {!isAtEnd.value && (
        <button type="button" class="to-end" onClick={toEnd} aria-label="Jump to the latest">
          <ArrowDownIcon size={18} />
        </button>
      )}
    </div>
  );
}

function ThreadContent() {
  const { thread } = useApp();
  const state = thread.state.value;
  if (state === "loading") return <Skeleton />;
  if (state === "missing") return <Absent title="This conversation does not exist" text="It may have been deleted." />;
  if (state === "failed" && thread.entries.value.length === 0) {
    return (
      <Absent
        title="The conversation could not be opened"
        text={thread.problem.value}
        onRetry={() => thread.reload()}
      />
    );
  }
  return thread.entries.value.map((entry) => <TurnView key={entry.key} entry={entry} />);
}

type AbsentProps = { readonly title: string; readonly text: string; readonly onRetry?: () => Promise<void> };

function Absent({ title, text, onRetry }: AbsentProps) {
  const { router } = useApp();
  return (
    <div class="absent">
      <h2>{title}</h2>
      <p>{text}</p>
      {onRetry === undefined ? (
        <button type="button" class="button" onClick={() => router.go({ conversationId: null })}>
          Start a new chat
        </button>
      ) : (
        <button type="button" class="button" onClick={() => void onRetry()}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Its style keeps it unseen for the first moment: a quick answer needs no placeholder. */
function Skeleton() {
  return (
    <div class="skeleton" aria-hidden="true">
      <span class="skeleton-question" />
      <span class="skeleton-line" />
      <span class="skeleton-line" />
      <span class="skeleton-picture" />
    </div>
  );
}
