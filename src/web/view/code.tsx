// Code as text: the program of a job, folded, and blocks inside an answer.
import { CopyButton } from "./copy.tsx";
import { ChevronIcon } from "./icons.tsx";

export function CodeDetails({ code }: { readonly code: string }) {
  return (
    <details class="fold">
      <summary>
        <ChevronIcon size={16} />
        Show code
      </summary>
      <CodeBlock code={code} language="python" />
    </details>
  );
}

export function CodeBlock({ code, language }: { readonly code: string; readonly language: string }) {
  return (
    <figure class="code">
      <figcaption>
        <span>{language === "" ? "text" : language}</span>
        <CopyButton text={code} label="Copy the code" />
      </figcaption>
      <pre tabIndex={0} role="region" aria-label="Code">
        <code>{code}</code>
      </pre>
    </figure>
  );
}
