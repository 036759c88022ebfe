// One question and its answer.
import { useApp } from "../app.ts";
import type { Entry } from "../thread.ts";
import { costText, durationText } from "../text.ts";
import { isActive, type Turn } from "../transcript.ts";
import { ApprovalCard } from "./approval.tsx";
import { ArtifactList } from "./artifacts.tsx";
import { FileChip } from "./chip.tsx";
import { CodeBlock, CodeDetails } from "./code.tsx";
import { ErrorCard, StoppedCard, UnsentCard } from "./error_card.tsx";
import { Markdown } from "./markdown.tsx";
import { OutputDetails } from "./output.tsx";
import { Steps } from "./steps.tsx";

export function TurnView({ entry }: { readonly entry: Entry }) {
  const turn = entry.turn.value;
  return (
    <article class="turn" data-status={turn.status} aria-busy={isActive(turn)}>
      {(turn.prompt !== "" || turn.files.length > 0) && <Question turn={turn} />}
      {turn.status === "unsent" ? <UnsentCard entry={entry} /> : <Answer turn={turn} />}
    </article>
  );
}

function Question({ turn }: { readonly turn: Turn }) {
  return (
    <div class="question">
      <h2 class="sr-only">You asked</h2>
      {turn.files.length > 0 && (
        <ul class="chips" aria-label="Files sent">
          {turn.files.map((file, at) => (
            <FileChip key={`${at}-${file.name}`} name={file.name} bytes={file.bytes} />
          ))}
        </ul>
      )}
      {turn.prompt !== "" && <p class="bubble">{turn.prompt}</p>}
    </div>
  );
}

function Answer({ turn }: { readonly turn: Turn }) {
  const { api } = useApp();
  const retry = (): Promise<void> => (turn.jobId === null ? Promise.resolve() : api.retry(turn.jobId));
  const isRunning = isActive(turn);
  // What a card asks need not be said beside it.
  const words = turn.approvals.reduce((text, { title }) => text.replace(title, ""), turn.text).trim();
  return (
    <div class="answer">
      <h2 class="sr-only">Sandpiper’s answer</h2>
      <Steps turn={turn} />
      {/* The answer says it again, better. */}
      {turn.text === "" && turn.understood !== null && turn.understood !== "" && (
        <p class="understood">
          <span>Understood as</span> {turn.understood}
        </p>
      )}
      {words !== "" && <Markdown text={words} isStreaming={isRunning} />}
      <ArtifactList artifacts={turn.artifacts} understood={turn.understood} />
      {turn.approvals.map((approval) => (
        <ApprovalCard key={approval.id} approval={approval} />
      ))}
      {turn.status === "failed" &&
        (turn.error?.code === "cancelled" ? (
          <StoppedCard onRetry={retry} />
        ) : (
          <ErrorCard error={turn.error} onRetry={retry} />
        ))}
      <div class="folds">
        {turn.draft === "" ? (
          turn.code !== null && turn.code !== "" && <CodeDetails code={turn.code} />
        ) : (
          <CodeBlock code={turn.draft} language="python" />
        )}
        {turn.output.pieces.length > 0 && <OutputDetails output={turn.output} isLive={isRunning} />}
      </div>
      <Facts turn={turn} />
    </div>
  );
}

function Facts({ turn }: { readonly turn: Turn }) {
  const isOver = !isActive(turn);
  const facts = [
    ...(turn.model === null || turn.model === "" ? [] : [turn.model]),
    ...(turn.durationMs === null || isActive(turn) ? [] : [durationText(turn.durationMs)]),
    ...(turn.costUsd > 0 ? [costText(turn.costUsd)] : []),
  ];
  return (
    <>
      {isOver && facts.length > 0 && <p class="facts">{facts.join(" · ")}</p>}
      {turn.notes.map((note) => (
        <p class="facts" key={note}>
          {note}
        </p>
      ))}
    </>
  );
}
