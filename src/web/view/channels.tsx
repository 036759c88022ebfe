// Which platforms people can write from, how each is, and the link that makes a phone the owner's.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Channel } from "../api.ts";
import { useApp } from "../app.ts";
import { CopyButton } from "./copy.tsx";
import { AlertIcon } from "./icons.tsx";
import { Panel, Problem } from "./panel.tsx";
import { QrCode } from "./qr_code.tsx";

/** How often the channels are asked after while somebody looks at them. */
const LOOK_MS = 2_000;

const NAMES: { readonly [name: string]: string } = { telegram: "Telegram", whatsapp: "WhatsApp" };

const STATES: Record<Channel["state"], string> = {
  starting: "Connecting …",
  up: "Connected",
  down: "Not reached, trying again",
  refused: "Refused",
};

const WARNINGS: { readonly [name: string]: string } = {
  whatsapp:
    "Meta’s terms forbid personal use of this service, and general-purpose assistants where they are its main purpose, " +
    "as Meta alone decides. It can block your number at any time, so prefer Telegram or this dashboard.",
};

export function ChannelsDialog({ onClose }: { readonly onClose: () => void }) {
  const { channels, problem } = useChannels();
  return (
    <Panel title="Channels" problem={problem} onClose={onClose}>
      {channels === null ? problem === "" && <p>Looking …</p> : <Channels channels={channels} />}
    </Panel>
  );
}

function Channels({ channels }: { readonly channels: readonly Channel[] }) {
  if (channels.length === 0) {
    return (
      <p>
        To write to the assistant from your phone, make a Telegram bot with @BotFather, put its token into{" "}
        <code>.env</code> as <code>SANDPIPER_TELEGRAM_TOKEN</code>, and start Sandpiper again. Each step is in{" "}
        <code>docs/telegram.md</code>.
      </p>
    );
  }
  return (
    <>
      <p>Write to the assistant from your phone. It answers nobody but you and those whom you let in.</p>
      <ul>
        {channels.map((channel) => (
          <Card key={channel.name} channel={channel} />
        ))}
      </ul>
    </>
  );
}

function Card({ channel }: { readonly channel: Channel }) {
  const { name, state, detail } = channel;
  const title = NAMES[name] ?? name;
  const warning = WARNINGS[name];
  const { link, problem, ask } = useLink(name);
  return (
    <li class="panel-card">
      <div class="panel-card-head">
        <h3>{title}</h3>
        <p class={`panel-state panel-state-${state}`} role="status">
          {STATES[state]}
        </p>
      </div>
      {detail !== "" && <p class="channel-detail">{detail}</p>}
      {warning !== undefined && (
        <p class="channel-warning">
          <AlertIcon size={18} />
          <span>{warning}</span>
        </p>
      )}
      {link.value !== "" && <Link text={link.value} title={title} />}
      <button
        type="button"
        class="button"
        aria-label={`${link.value === "" ? "Connect my phone" : "Make another link"}: ${title}`}
        disabled={state !== "up"}
        onClick={() => void ask()}
      >
        {link.value === "" ? "Connect my phone" : "Make another link"}
      </button>
      <p class="sr-only" role="status">
        {link.value === "" ? "" : `The link to ${title} is ready.`}
      </p>
      <Problem text={problem.value} />
    </li>
  );
}

/** A channel without links answers with words that are to be written to it. */
function Link({ text, title }: { readonly text: string; readonly title: string }) {
  const isLink = text.startsWith("https://");
  return (
    <div class="channel-link">
      {isLink && <QrCode text={text} label={`QR code of the link to ${title}`} />}
      <div>
        <p>
          {isLink ? "Scan this with your phone, or open the link on it. " : ""}It works once, within an hour: whoever
          opens it first becomes the owner.
        </p>
        {isLink ? (
          <a href={text} target="_blank" rel="noreferrer">
            {text}
          </a>
        ) : (
          <code>{text}</code>
        )}
        <CopyButton text={text} label={isLink ? "Copy the link" : "Copy the words"} />
      </div>
    </div>
  );
}

function useLink(name: string): {
  readonly link: Signal<string>;
  readonly problem: Signal<string>;
  readonly ask: () => Promise<void>;
} {
  const { api } = useApp();
  const link = useSignal("");
  const problem = useSignal("");
  const ask = async (): Promise<void> => {
    problem.value = "";
    try {
      link.value = await api.channelLink(name);
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
  };
  return { link, problem, ask };
}

/** Null until core has answered; asked for again as long as the dialog is there. */
function useChannels(): { readonly channels: readonly Channel[] | null; readonly problem: string } {
  const { api } = useApp();
  const channels = useSignal<readonly Channel[] | null>(null);
  const problem = useSignal("");
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      try {
        channels.value = await api.channels(abort.signal);
        problem.value = "";
      } catch (error) {
        if (abort.signal.aborted) return;
        problem.value = error instanceof Error ? error.message : String(error);
      }
      if (!abort.signal.aborted) timer = setTimeout(() => void look(), LOOK_MS);
    };
    void look();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, []);
  return { channels: channels.value, problem: problem.value };
}
