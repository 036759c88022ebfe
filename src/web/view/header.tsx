// The bar above a conversation: its title, and on small screens the way to all others.
import { useApp } from "../app.ts";
import { visible } from "../text.ts";
import { Bird, MenuIcon, PencilIcon, SidebarIcon } from "./icons.tsx";
import { useIsWide } from "./media.ts";

export function Header() {
  const app = useApp();
  const isWide = useIsWide();
  const isOpen = app.isSidebarOpen.value;
  const id = app.thread.conversationId.value;
  const title = app.conversations.list.value?.find((conversation) => conversation.id === id)?.title;
  return (
    <header class="header">
      {(!isWide || !isOpen) && (
        <button
          type="button"
          class="icon-button"
          aria-label="Show conversations"
          aria-expanded={isOpen}
          onClick={() => {
            app.isSidebarOpen.value = true;
          }}
        >
          {isWide ? <SidebarIcon /> : <MenuIcon />}
        </button>
      )}
      {id === null ? (
        <h1 class={isWide && isOpen ? "sr-only" : "header-title header-brand"}>
          <Bird size={24} />
          Sandpiper
        </h1>
      ) : (
        <h1 class="header-title">
          <bdi>{title === undefined ? "Conversation" : visible(title)}</bdi>
        </h1>
      )}
      {(!isWide || !isOpen) && (
        <button
          type="button"
          class="icon-button"
          aria-label="New chat"
          onClick={() => app.router.go({ conversationId: null })}
        >
          <PencilIcon />
        </button>
      )}
    </header>
  );
}
