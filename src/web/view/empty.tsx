// A new chat: what this is, and three things to try that need neither a key nor a file.
import type { Example } from "../api.ts";
import { useApp } from "../app.ts";
import { BarsIcon, Bird, ChartIcon, CloudIcon, DotsIcon, ShieldIcon } from "./icons.tsx";

export function EmptyState() {
  const app = useApp();
  const session = app.session.value;
  return (
    <div class="empty-place">
      <div class="empty">
        <span class="empty-mark">
          <Bird size={44} />
        </span>
        <h2>What would you like to find out?</h2>
        <p class="empty-text">
          Ask a question or drop in a file. Sandpiper writes Python, runs it in a sealed sandbox and brings back the
          chart, the table or the number.
        </p>
        <ul class="examples" aria-label="Examples">
          {session?.examples.slice(0, 3).map((example) => (
            <ExampleCard key={example.file} example={example} />
          ))}
        </ul>
        <SandboxLine />
      </div>
    </div>
  );
}

function ExampleCard({ example }: { readonly example: Example }) {
  const app = useApp();
  const run = (): Promise<void> =>
    app.send({ text: example.prompt, attachments: [], uploadIds: [], example: example.file }, [
      { id: "", name: example.file, bytes: 0 },
    ]);
  return (
    <li>
      <button type="button" class="example" onClick={() => void run()}>
        <span class="example-icon">{iconOf(example.prompt)}</span>
        <span class="example-title">{example.title}</span>
        <span class="example-prompt">{example.prompt}</span>
        <span class="example-source">{example.source}</span>
      </button>
    </li>
  );
}

function iconOf(prompt: string) {
  if (/scatter|relat|against|correlat/i.test(prompt)) return <DotsIcon size={18} />;
  if (/bar|box|compare|top|most|histogram/i.test(prompt)) return <BarsIcon size={18} />;
  return <ChartIcon size={18} />;
}

function SandboxLine() {
  const session = useApp().session.value;
  if (session === null) return null;
  const isCloud = session.sandbox === "e2b";
  return (
    <p class="sandbox-line">
      {isCloud ? <CloudIcon size={16} /> : <ShieldIcon size={16} />}
      {isCloud
        ? "Your files and the code go to E2B’s cloud, where they run in a sandbox"
        : "Runs on this machine, in a sealed sandbox (namespaces + seccomp, shared kernel)"}
    </p>
  );
}
