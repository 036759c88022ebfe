// Everything that the page is made of, built once in main.tsx and handed down to the components.
import { computed, effect, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { ApiError, createApi, type Api, type Outgoing, type Sent, type Session } from "./api.ts";
import { createConversations, type Conversations } from "./conversations.ts";
import { createDrafts, type Drafts } from "./drafts.ts";
import { Live } from "./live.ts";
import type { MarkdownRenderer } from "./markdown/render.ts";
import { createRouter, type Router } from "./router.ts";
import { createTheme, type ThemeChoice } from "./theme.ts";
import { Thread, type Entry } from "./thread.ts";
import type { Turn } from "./transcript.ts";

export type Pairing = "checking" | "paired" | "unpaired" | "offline";

export type App = {
  readonly pairing: ReadonlySignal<Pairing>;
  /** Why pairing did not work; "" when it was not tried. */
  readonly pairingProblem: ReadonlySignal<string>;
  readonly session: ReadonlySignal<Session | null>;
  readonly api: Api;
  readonly live: Live;
  readonly router: Router;
  readonly theme: ThemeChoice;
  readonly conversations: Conversations;
  readonly thread: Thread;
  readonly drafts: Drafts;
  /** Null until its chunk has come. */
  readonly markdown: ReadonlySignal<MarkdownRenderer | null>;
  readonly activeEntry: ReadonlySignal<Entry | null>;
  /** What a screen reader is told; only finished answers. */
  readonly announcement: ReadonlySignal<string>;
  /** Rises with each message sent from here: the thread then scrolls to its end. */
  readonly sentCount: ReadonlySignal<number>;
  readonly isSidebarOpen: Signal<boolean>;
  readonly connect: () => Promise<void>;
  readonly refresh: () => Promise<void>;
  readonly send: (outgoing: Omit<Outgoing, "key">, names: Turn["files"]) => Promise<void>;
  readonly sendAgain: (entry: Entry) => Promise<void>;
};

const KEY = "sandpiper-key";
/** How often a sandbox that is getting ready is asked after. */
const SANDBOX_CHECK_MS = 3_000;

export function createApp(): App {
  const pairing = signal<Pairing>("checking");
  const session = signal<Session | null>(null);
  const announcement = signal("");
  const sentCount = signal(0);
  const api = createApi(readKey, () => {
    pairing.value = "unpaired";
  });
  const router = createRouter();
  const conversations = createConversations(api);
  const drafts = createDrafts(localStorage);
  const thread = new Thread(api, {
    onEnded: (turn) => {
      announcement.value = announcementOf(turn);
    },
    onNamed: drafts.name,
  });
  const refresh = async (): Promise<void> => {
    const [answer] = await Promise.all([api.session(), conversations.refresh()]);
    session.value = answer;
  };
  const live = new Live(liveUrl(), readKey, {
    onEvent: (event) => {
      conversations.receive(event);
      thread.receive(event);
    },
    onReset: () => run(thread.reload()),
    onReturn: () => run(refresh()),
    onRefused: () => run(refresh()),
  });
  const afterSending = async (sending: Promise<Sent | null>): Promise<void> => {
    sentCount.value += 1;
    const conversationId = (await sending)?.conversation_id ?? null;
    if (conversationId !== null && thread.conversationId.peek() === conversationId) router.go({ conversationId });
  };
  const { pairingProblem, markdown, connect } = createConnect(api, live, pairing, refresh);
  const app: App = {
    pairing,
    pairingProblem,
    session,
    api,
    live,
    router,
    theme: createTheme(),
    conversations,
    thread,
    drafts,
    markdown,
    activeEntry: computed(() => thread.atWork()),
    announcement,
    sentCount,
    isSidebarOpen: signal(matchMedia("(min-width: 48rem)").matches),
    connect,
    refresh,
    send: (outgoing, names) => afterSending(thread.send({ ...outgoing, key: crypto.randomUUID() }, names)),
    sendAgain: (entry) => afterSending(thread.resend(entry)),
  };
  follow(app);
  return app;
}

function createConnect(api: Api, live: Live, pairing: Signal<Pairing>, refresh: () => Promise<void>) {
  const pairingProblem = signal("");
  const markdown = signal<MarkdownRenderer | null>(null);
  const pair = async (token: string): Promise<void> => {
    try {
      localStorage.setItem(KEY, (await api.pair(token)).key);
    } catch (error) {
      pairingProblem.value = error instanceof Error ? error.message : String(error);
    }
  };
  const loadMarkdown = async (): Promise<void> => {
    markdown.value ??= (await import("./markdown/render.ts")).createMarkdownRenderer();
  };
  const connect = async (): Promise<void> => {
    pairing.value = "checking";
    pairingProblem.value = "";
    const token = takePairingToken();
    if (token !== null) await pair(token);
    try {
      const [seq] = await Promise.all([api.latestSeq(), refresh()]);
      // Before any snapshot is asked for: what happens after it is then sure to be told.
      live.start(seq);
      pairing.value = "paired";
      run(loadMarkdown());
    } catch (error) {
      // 401 has already put up the page that says how to pair.
      if (error instanceof ApiError && error.status === 401) return;
      pairing.value = "offline";
      pairingProblem.value = error instanceof Error ? error.message : String(error);
    }
  };
  return { pairingProblem, markdown, connect };
}

/** The page follows its address, the pairing of other tabs, and the network. */
function follow(app: App): void {
  effect(() => {
    if (app.pairing.value === "unpaired") app.live.stop();
  });
  effect(() => {
    const { conversationId } = app.router.route.value;
    if (app.pairing.value === "paired") run(app.thread.open(conversationId));
  });
  effect(() => {
    if (app.session.value?.sandboxReady !== false) return undefined;
    const timer = setTimeout(() => run(app.refresh()), SANDBOX_CHECK_MS);
    return () => clearTimeout(timer);
  });
  addEventListener("storage", (event) => {
    if (event instanceof StorageEvent && event.key === KEY) run(app.connect());
  });
  addEventListener("online", () => app.live.retryNow());
  document.addEventListener("visibilitychange", () => app.live.retryNow());
}

function readKey(): string {
  return localStorage.getItem(KEY) ?? "";
}

/** Failures of background refreshes are visible as a lost connection; there is no one to hand them to. */
function run(work: Promise<unknown>): void {
  work.catch(() => undefined);
}

function liveUrl(): string {
  const url = new URL("/api/live", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** The token is used once and leaves the address bar at once, before anything can copy it. */
function takePairingToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get("pair");
  if (token !== null) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

function announcementOf(turn: Turn): string {
  if (turn.status === "failed") return `The job did not finish: ${turn.error?.message ?? "unknown reason"}`;
  const files =
    turn.artifacts.length === 0 ? "" : `, ${turn.artifacts.length} file${turn.artifacts.length === 1 ? "" : "s"}`;
  return `Answer ready${files}. ${turn.text.slice(0, 300)}`;
}

const Context = createContext<App | null>(null);
export const AppProvider = Context.Provider;

export function useApp(): App {
  const app = useContext(Context);
  if (app === null) throw new Error("useApp is used outside AppProvider");
  return app;
}
