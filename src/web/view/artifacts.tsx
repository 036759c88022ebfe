// What came out of the sandbox: pictures in the answer, everything else as a card to download.
import type { Artifact } from "../../shared/types.ts";
import { bytesText, kindText, visible } from "../text.ts";
import { DownloadButton } from "./download.tsx";
import { FileIcon, ImageIcon, TableIcon } from "./icons.tsx";
import { Picture } from "./picture.tsx";

const SHOWN_TYPES = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);

type ListProps = { readonly artifacts: readonly Artifact[]; readonly understood: string | null };

export function ArtifactList({ artifacts, understood }: ListProps) {
  const pictures = artifacts.filter((artifact) => SHOWN_TYPES.has(artifact.mediaType));
  const others = artifacts.filter((artifact) => !SHOWN_TYPES.has(artifact.mediaType));
  return (
    <>
      {pictures.map((artifact) => (
        <Picture key={artifact.id} artifact={artifact} understood={understood} />
      ))}
      {others.length > 0 && (
        <ul class="cards" aria-label="Files">
          {others.map((artifact) => (
            <Card key={artifact.id} artifact={artifact} />
          ))}
        </ul>
      )}
    </>
  );
}

function Card({ artifact }: { readonly artifact: Artifact }) {
  const name = visible(artifact.name);
  return (
    <li class="card">
      <span class="card-icon">{iconOf(artifact.mediaType)}</span>
      <span class="card-text">
        <span class="card-name" title={name}>
          <bdi>{name}</bdi>
        </span>
        <span class="card-facts">
          {kindText(artifact.mediaType)} · {bytesText(artifact.bytes)}
        </span>
      </span>
      <DownloadButton artifact={artifact} />
    </li>
  );
}

function iconOf(mediaType: string) {
  if (/csv|sheet|excel|parquet|tab-separated/.test(mediaType)) return <TableIcon />;
  return mediaType.startsWith("image/") ? <ImageIcon /> : <FileIcon />;
}
