// The loop's events → what people see: words and code as they are written, and who speaks.
import type { Report } from "../report.ts";
import { createCodeStream } from "./code_stream.ts";
import type { AgentEvent } from "./loop.ts";

export type Telling = {
  /** Who speaks. */
  readonly current: () => string;
  readonly model: (name: string, reason?: string) => void;
  readonly tell: (event: AgentEvent) => void;
  /** As `tell`, but nothing that is written is for people. */
  readonly planning: (event: AgentEvent) => void;
};

export function createTelling(report: Report): Telling {
  let current = "";
  let streams = new Map<string, (piece: string) => string>();
  let hasText = false;

  const model: Telling["model"] = (name, reason) => {
    current = name;
    report.emit({ kind: "model-chosen", model: name, ...(reason === undefined ? {} : { reason }) });
  };

  const planning: Telling["planning"] = (event) => {
    if (event.kind === "model") model(event.name, event.reason);
  };

  const tell: Telling["tell"] = (event) => {
    planning(event);
    if (event.kind === "text") {
      hasText ||= event.text !== "";
      report.emit({ kind: "text-delta", text: event.text });
    } else if (event.kind === "input") {
      if (!streams.has(event.callId)) streams.set(event.callId, createCodeStream());
      const code = streams.get(event.callId)?.(event.text) ?? "";
      if (code !== "") report.emit({ kind: "text-delta", part: "code", text: code });
    } else if (event.kind === "call") {
      streams = new Map();
      // What it says next is another paragraph.
      if (hasText) report.emit({ kind: "text-delta", text: "\n\n" });
      hasText = false;
    } else if (event.kind === "again" && hasText) {
      report.emit({ kind: "text-delta", text: `\n\n*(${event.reason} Once more.)*\n\n` });
    }
  };

  return { current: () => current, model, tell, planning };
}
