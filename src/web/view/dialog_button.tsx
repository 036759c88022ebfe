// The way to a dialog of the sidebar, which comes in its own chunk when it is asked for.
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { KeyIcon, PhoneIcon } from "./icons.tsx";

type Dialog = ComponentType<{ readonly onClose: () => void }>;
type ButtonProps = {
  readonly title: string;
  readonly Icon: ComponentType<{ readonly size?: number }>;
  readonly load: () => Promise<Dialog>;
};

export const ChannelsButton = () => (
  <DialogButton title="Channels" Icon={PhoneIcon} load={async () => (await import("./channels.tsx")).ChannelsDialog} />
);

export const ModelsButton = () => (
  <DialogButton title="Models" Icon={KeyIcon} load={async () => (await import("./models.tsx")).ModelsDialog} />
);

function DialogButton({ title, Icon, load }: ButtonProps) {
  const dialog = useSignal<{ readonly Dialog: Dialog } | null>(null);
  const problem = useSignal("");
  const open = async (): Promise<void> => {
    problem.value = "";
    try {
      dialog.value = { Dialog: await load() };
    } catch {
      problem.value = "This did not load. Is Sandpiper still running? Reload the page, then try again.";
    }
  };
  const Dialog = dialog.value?.Dialog;
  return (
    <>
      <button type="button" class="panel-open" aria-haspopup="dialog" onClick={() => void open()}>
        <Icon size={18} />
        {title}
      </button>
      {problem.value !== "" && (
        <p class="panel-unloaded" role="alert">
          {problem.value}
        </p>
      )}
      {Dialog !== undefined && <Dialog onClose={() => (dialog.value = null)} />}
    </>
  );
}
