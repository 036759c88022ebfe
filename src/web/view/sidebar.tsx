// All conversations, by day. A column on wide screens; a modal drawer (native dialog) on small ones.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Conversation } from "../../shared/types.ts";
import { useApp, type App } from "../app.ts";
import { pathOf } from "../router.ts";
import { dayText, visible } from "../text.ts";
import { ConfirmDialog } from "./confirm.tsx";
import { ChannelsButton, ModelsButton } from "./dialog_button.tsx";
import { Bird, CloseIcon, PlusIcon, SidebarIcon, TrashIcon } from "./icons.tsx";
import { useIsWide } from "./media.ts";
import { ThemePicker } from "./theme_picker.tsx";

export function Sidebar() {
  const app = useApp();
  const isWide = useIsWide();
  if (!isWide) return <Drawer />;
  if (!app.isSidebarOpen.value) return null;
  return (
    <aside class="sidebar" aria-label="Conversations">
      <SidebarContent isWide onDone={() => undefined} />
    </aside>
  );
}

function Drawer() {
  const { isSidebarOpen } = useApp();
  const dialog = useRef<HTMLDialogElement>(null);
  const close = (): void => {
    isSidebarOpen.value = false;
  };
  useEffect(() => {
    if (isSidebarOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isSidebarOpen.value]);
  // A drawer that was open on a wide screen would cover a narrow one.
  useEffect(close, []);
  return (
    <dialog
      ref={dialog}
      class="drawer"
      aria-label="Conversations"
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close();
      }}
    >
      <div class="sidebar">{isSidebarOpen.value && <SidebarContent isWide={false} onDone={close} />}</div>
    </dialog>
  );
}

function SidebarContent({ isWide, onDone }: { readonly isWide: boolean; readonly onDone: () => void }) {
  const app = useApp();
  const doomed = useSignal<Conversation | null>(null);
  const go = (conversationId: string | null): void => {
    app.router.go({ conversationId });
    onDone();
    if (conversationId === null) document.getElementById("composer-text")?.focus();
  };
  return (
    <>
      <div class="sidebar-head">
        <span class="brand">
          <Bird size={26} />
          <span>Sandpiper</span>
        </span>
        <button
          type="button"
          class="icon-button"
          aria-label="Hide conversations"
          onClick={() => {
            app.isSidebarOpen.value = false;
          }}
        >
          {isWide ? <SidebarIcon /> : <CloseIcon />}
        </button>
      </div>
      <button type="button" class="button new-chat" onClick={() => go(null)}>
        <PlusIcon size={18} />
        New chat
      </button>
      <ConversationList onOpen={go} onRemove={(conversation) => (doomed.value = conversation)} />
      <div class="panel-buttons">
        <ModelsButton />
        <ChannelsButton />
      </div>
      <div class="sidebar-foot">
        <ThemePicker />
        <span class="version">{app.session.value === null ? "" : `v${app.session.value.version}`}</span>
      </div>
      {doomed.value !== null && <RemoveDialog conversation={doomed.value} onClose={() => (doomed.value = null)} />}
    </>
  );
}

function RemoveDialog({
  conversation,
  onClose,
}: {
  readonly conversation: Conversation;
  readonly onClose: () => void;
}) {
  const app = useApp();
  return (
    <ConfirmDialog
      title="Delete this conversation?"
      text={`“${visible(conversation.title)}” and the files of its answers will be gone for good.`}
      action="Delete"
      onClose={onClose}
      onConfirm={() => removeConversation(app, conversation)}
    />
  );
}

async function removeConversation(app: App, conversation: Conversation): Promise<void> {
  await app.conversations.remove(conversation.id);
  if (app.thread.conversationId.peek() === conversation.id) app.router.go({ conversationId: null });
}

type ListProps = {
  readonly onOpen: (id: string) => void;
  readonly onRemove: (conversation: Conversation) => void;
};

function ConversationList({ onOpen, onRemove }: ListProps) {
  const app = useApp();
  const list = app.conversations.list.value;
  if (list === null) return <nav class="conversations" aria-label="Past conversations" aria-busy="true" />;
  if (list.length === 0) {
    return (
      <nav class="conversations" aria-label="Past conversations">
        <p class="conversations-none">Your conversations will be listed here.</p>
      </nav>
    );
  }
  return (
    <nav class="conversations" aria-label="Past conversations">
      {[...Map.groupBy(list, (conversation) => dayText(conversation.updatedAt, Date.now()))].map(([day, group]) => (
        <section key={day}>
          <h2>{day}</h2>
          <ul>
            {group.map((conversation) => (
              <Row key={conversation.id} conversation={conversation} onOpen={onOpen} onRemove={onRemove} />
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}

function Row({ conversation, onOpen, onRemove }: ListProps & { readonly conversation: Conversation }) {
  const app = useApp();
  const title = visible(conversation.title);
  const isOpen = app.thread.conversationId.value === conversation.id;
  const isBusy = app.conversations.busy.value.has(conversation.id);
  return (
    <li class="conversation">
      <a
        href={pathOf({ conversationId: conversation.id })}
        aria-current={isOpen ? "page" : undefined}
        title={title}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
          event.preventDefault();
          onOpen(conversation.id);
        }}
      >
        <bdi>{title}</bdi>
        {isBusy && (
          <span class="busy-dot">
            <span class="sr-only">, at work</span>
          </span>
        )}
      </a>
      <button type="button" class="row-action" aria-label={`Delete ${title}`} onClick={() => onRemove(conversation)}>
        <TrashIcon size={16} />
      </button>
    </li>
  );
}
