// What the job is doing, step by step; afterwards one line that opens to the same list.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { StepName } from "../../shared/types.ts";
import { durationText } from "../text.ts";
import { isActive, type Step, type Turn } from "../transcript.ts";
import {
  AlertIcon,
  BoxIcon,
  CheckIcon,
  ChevronIcon,
  DownloadIcon,
  PencilIcon,
  SearchIcon,
  TerminalIcon,
  UploadIcon,
} from "./icons.tsx";
import { Wait } from "./wait.tsx";

const ICONS: Record<StepName, JSX.Element> = {
  sandbox: <BoxIcon size={16} />,
  upload: <UploadIcon size={16} />,
  profile: <SearchIcon size={16} />,
  replay: <TerminalIcon size={16} />,
  plan: <PencilIcon size={16} />,
  think: <PencilIcon size={16} />,
  run: <TerminalIcon size={16} />,
  collect: <DownloadIcon size={16} />,
};

export function Steps({ turn }: { readonly turn: Turn }) {
  if (isActive(turn)) return <LiveSteps turn={turn} />;
  if (turn.steps.length === 0) return null;
  return (
    <details class="steps-fold">
      <summary>
        <ChevronIcon size={16} />
        {summaryOf(turn)}
      </summary>
      <StepList turn={turn} />
    </details>
  );
}

function LiveSteps({ turn }: { readonly turn: Turn }) {
  return (
    <div class="steps-live">
      <StepList turn={turn} />
      {turn.steps.every((step) => step.durationMs !== null) && <Wait turn={turn} />}
      {turn.progress !== null && (
        <progress class="progress" max={100} value={Math.round(turn.progress * 100)} aria-label="Progress" />
      )}
    </div>
  );
}

function summaryOf(turn: Turn): string {
  const count = `${turn.steps.length} step${turn.steps.length === 1 ? "" : "s"}`;
  return turn.status === "completed" ? `Done in ${count}` : `Ended after ${count}`;
}

function StepList({ turn }: { readonly turn: Turn }) {
  return (
    <ol class="steps" aria-label="Steps">
      {turn.steps.map((step, at) => (
        <StepRow key={at} step={step} isActive={isActive(turn)} />
      ))}
    </ol>
  );
}

function StepRow({ step, isActive }: { readonly step: Step; readonly isActive: boolean }) {
  const isDone = step.durationMs !== null;
  const state = isDone ? "done" : isActive ? "running" : "broken";
  return (
    <li class={`step step-${state}`}>
      <span class="step-state">
        {state === "done" && <CheckIcon size={16} />}
        {state === "running" && <span class="spinner" />}
        {state === "broken" && <AlertIcon size={16} />}
      </span>
      <span class="step-icon">{ICONS[step.step]}</span>
      <span class="step-title">{step.title}</span>
      <span class="step-time">
        {isDone
          ? durationText(step.durationMs)
          : isActive && step.startedAt !== null && <Clock since={step.startedAt} />}
      </span>
    </li>
  );
}

/** Counts whole seconds, and only once there is something to count. */
function Clock({ since }: { readonly since: number }) {
  const seconds = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => {
      seconds.value = Math.max(0, Math.floor((Date.now() - since) / 1_000));
    }, 500);
    return () => clearInterval(timer);
  }, [since]);
  return seconds.value < 1 ? null : <>{seconds.value} s</>;
}
