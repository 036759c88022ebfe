// Which page the address bar names: a new chat (/) or a conversation (/c/:id).
import { signal, type ReadonlySignal } from "@preact/signals";

export type Route = { readonly conversationId: string | null };

export type Router = {
  readonly route: ReadonlySignal<Route>;
  readonly go: (route: Route) => void;
  readonly stop: () => void;
};

export function pathOf(route: Route): string {
  return route.conversationId === null ? "/" : `/c/${encodeURIComponent(route.conversationId)}`;
}

export function routeOf(path: string): Route {
  const match = /^\/c\/([^/]+)$/.exec(path);
  return { conversationId: match?.[1] === undefined ? null : decodeURIComponent(match[1]) };
}

export function createRouter(): Router {
  const route = signal(routeOf(location.pathname));
  const onPopState = (): void => {
    route.value = routeOf(location.pathname);
  };
  addEventListener("popstate", onPopState);
  return {
    route,
    go: (next) => {
      if (pathOf(next) !== location.pathname) history.pushState(null, "", pathOf(next));
      if (next.conversationId !== route.peek().conversationId) route.value = next;
    },
    stop: () => removeEventListener("popstate", onPopState),
  };
}
