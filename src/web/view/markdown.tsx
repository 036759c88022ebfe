// An answer in Markdown. The renderer comes in its own chunk; until it is here the same words stand as plain text.
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useApp } from "../app.ts";
import type { Block } from "../markdown/render.ts";
import { CodeBlock } from "./code.tsx";

type MarkdownProps = { readonly text: string; readonly isStreaming: boolean };

export function Markdown({ text, isStreaming }: MarkdownProps) {
  const markdown = useApp().markdown.value;
  const blocks = useMemo(
    () => markdown?.blocksOf(isStreaming ? markdown.repairTail(text) : text) ?? null,
    [markdown, text, isStreaming],
  );
  if (blocks === null) return <div class="prose prose-plain">{text}</div>;
  return (
    <div class="prose">
      {blocks.map((block, at) =>
        block.kind === "code" ? (
          <CodeBlock key={at} code={block.code} language={block.language} />
        ) : (
          <HtmlBlock key={at} block={block} />
        ),
      )}
    </div>
  );
}

/** Drawn anew only when its own source changes, however often the answer grows. */
function HtmlBlock({ block }: { readonly block: Block & { readonly kind: "html" } }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => place.current?.replaceChildren(block.draw()), [block.raw]);
  return block.isTable ? (
    <div ref={place} class="prose-table" tabIndex={0} role="region" aria-label="Table" />
  ) : (
    <div ref={place} />
  );
}
