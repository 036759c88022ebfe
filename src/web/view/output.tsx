// What the program printed: text nodes only, open while it runs, folded afterwards.
import { useEffect, useRef } from "preact/hooks";
import { printable, type Output } from "../output.ts";
import { bytesText } from "../text.ts";
import { ChevronIcon } from "./icons.tsx";

export function OutputDetails({ output, isLive }: { readonly output: Output; readonly isLive: boolean }) {
  const pane = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (isLive && pane.current !== null) pane.current.scrollTop = pane.current.scrollHeight;
  }, [output, isLive]);
  return (
    <details class="fold" open={isLive}>
      <summary>
        <ChevronIcon size={16} />
        {isLive ? "Output" : "Show output"}
      </summary>
      <pre ref={pane} class="output" tabIndex={0} role="region" aria-label="Output of the program">
        {output.droppedChars > 0 && (
          <span class="output-dropped">
            … {bytesText(output.droppedChars)} of earlier output not shown{"\n"}
          </span>
        )}
        {output.pieces.map((piece) => (
          <span key={piece.id} class={piece.stream === "stderr" ? "output-error" : undefined}>
            {printable(piece.text)}
          </span>
        ))}
      </pre>
    </details>
  );
}
