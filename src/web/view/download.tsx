// A button that saves an artifact: fetched with the key, then handed to the browser under its visible name.
import { useSignal } from "@preact/signals";
import type { Artifact } from "../../shared/types.ts";
import { useApp, type App } from "../app.ts";
import { visible } from "../text.ts";
import { DownloadIcon } from "./icons.tsx";

export function DownloadButton({ artifact }: { readonly artifact: Artifact }) {
  const app = useApp();
  const problem = useSignal("");
  const start = async (): Promise<void> => {
    problem.value = "";
    await download(app, artifact).catch((error: unknown) => {
      problem.value = error instanceof Error ? error.message : String(error);
    });
  };
  return (
    <>
      <button
        type="button"
        class="icon-button"
        aria-label={`Download ${visible(artifact.name)}`}
        title="Download"
        onClick={() => void start()}
      >
        <DownloadIcon />
      </button>
      {problem.value !== "" && (
        <span class="download-problem" role="alert">
          {problem.value}
        </span>
      )}
    </>
  );
}

async function download(app: App, artifact: Artifact): Promise<void> {
  const url = URL.createObjectURL(await app.api.artifact(artifact.id));
  const link = document.createElement("a");
  link.href = url;
  link.download = visible(artifact.name);
  link.click();
  // The browser has taken the bytes when the click returns, but not every browser is done with the address.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
