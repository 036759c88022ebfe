// The way to the channels. Their dialog comes in its own chunk when it is asked for.
import { useSignal } from "@preact/signals";
import type { ChannelsDialog } from "./channels.tsx";
import { PhoneIcon } from "./icons.tsx";

export function ChannelsButton() {
  const dialog = useSignal<typeof ChannelsDialog | null>(null);
  const problem = useSignal("");
  const open = async (): Promise<void> => {
    problem.value = "";
    try {
      dialog.value = (await import("./channels.tsx")).ChannelsDialog;
    } catch {
      problem.value = "This did not load. Is Sandpiper still running? Reload the page, then try again.";
    }
  };
  const Dialog = dialog.value;
  return (
    <>
      <button type="button" class="channels-open" aria-haspopup="dialog" onClick={() => void open()}>
        <PhoneIcon size={18} />
        Channels
      </button>
      {problem.value !== "" && (
        <p class="channels-unloaded" role="alert">
          {problem.value}
        </p>
      )}
      {Dialog !== null && <Dialog onClose={() => (dialog.value = null)} />}
    </>
  );
}
