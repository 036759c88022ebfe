// A file of a message: name, size, and a way to take it off again.
import { bytesText, visible } from "../text.ts";
import { CloseIcon, FileIcon, ImageIcon, TableIcon } from "./icons.tsx";

type ChipProps = { readonly name: string; readonly bytes: number; readonly onRemove?: () => void };

export function FileChip({ name, bytes, onRemove }: ChipProps) {
  const shown = visible(name);
  return (
    <li class="chip">
      <span class="chip-icon">{iconOf(name)}</span>
      <span class="chip-name" title={shown}>
        <bdi>{shown}</bdi>
      </span>
      {bytes > 0 && <span class="chip-size">{bytesText(bytes)}</span>}
      {onRemove !== undefined && (
        <button type="button" class="chip-remove" aria-label={`Remove ${shown}`} onClick={onRemove}>
          <CloseIcon size={14} />
        </button>
      )}
    </li>
  );
}

function iconOf(name: string) {
  if (/\.(?:csv|tsv|xlsx?|parquet|ods|jsonl)$/i.test(name)) return <TableIcon size={16} />;
  if (/\.(?:png|jpe?g|gif|webp|svg|heic)$/i.test(name)) return <ImageIcon size={16} />;
  return <FileIcon size={16} />;
}
