// A picture out of the sandbox, fetched with the key and shown from memory; a click shows it large.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Artifact } from "../../shared/types.ts";
import { useApp } from "../app.ts";
import { bytesText, visible } from "../text.ts";
import { DownloadButton } from "./download.tsx";
import { CloseIcon } from "./icons.tsx";

type PictureProps = { readonly artifact: Artifact; readonly understood: string | null };

export function Picture({ artifact, understood }: PictureProps) {
  const { url, problem } = useBlobUrl(artifact.id);
  const isLoaded = useSignal(false);
  const isLarge = useSignal(false);
  const name = visible(artifact.name);
  const alt = altOf(artifact, understood);
  return (
    <figure class="picture">
      {problem === "" ? (
        <button
          type="button"
          class={isLoaded.value ? "picture-frame" : "picture-frame picture-waiting"}
          aria-label={`Show ${name} larger`}
          disabled={url === null}
          onClick={() => (isLarge.value = true)}
        >
          {url !== null && <img src={url} alt={alt} onLoad={() => (isLoaded.value = true)} />}
        </button>
      ) : (
        <p class="picture-problem">{problem}</p>
      )}
      <figcaption>
        <span class="picture-name" title={name}>
          <bdi>{name}</bdi>
        </span>
        <span class="picture-size">{bytesText(artifact.bytes)}</span>
        <DownloadButton artifact={artifact} />
      </figcaption>
      {isLarge.value && url !== null && (
        <Large url={url} alt={alt} name={name} onClose={() => (isLarge.value = false)} />
      )}
    </figure>
  );
}

type LargeProps = { readonly url: string; readonly alt: string; readonly name: string; readonly onClose: () => void };

function Large({ url, alt, name, onClose }: LargeProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="large" aria-label={name} onClose={onClose} onClick={onClose}>
      <img src={url} alt={alt} onClick={(event) => event.stopPropagation()} />
      <button type="button" class="icon-button large-close" aria-label="Close" onClick={onClose}>
        <CloseIcon />
      </button>
    </dialog>
  );
}

function altOf(artifact: Artifact, understood: string | null): string {
  return visible(artifact.data?.title ?? understood ?? artifact.name);
}

function useBlobUrl(artifactId: string): { readonly url: string | null; readonly problem: string } {
  const app = useApp();
  const url = useSignal<string | null>(null);
  const problem = useSignal("");
  useEffect(() => {
    const abort = new AbortController();
    const load = async (): Promise<void> => {
      try {
        const blob = await app.api.artifact(artifactId, abort.signal);
        if (!abort.signal.aborted) url.value = URL.createObjectURL(blob);
      } catch (error) {
        if (!abort.signal.aborted) problem.value = error instanceof Error ? error.message : String(error);
      }
    };
    void load();
    return () => {
      abort.abort();
      if (url.peek() !== null) URL.revokeObjectURL(url.peek() ?? "");
    };
  }, [artifactId]);
  return { url: url.value, problem: problem.value };
}
