// Whether the screen is wide enough for the sidebar to stand beside the conversation.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

const WIDE = "(min-width: 48rem)";

export function useIsWide(): boolean {
  const isWide = useSignal(matchMedia(WIDE).matches);
  useEffect(() => {
    const query = matchMedia(WIDE);
    const onChange = (): void => {
      isWide.value = query.matches;
    };
    query.addEventListener("change", onChange);
    return () => query.removeEventListener("change", onChange);
  }, [isWide]);
  return isWide.value;
}
