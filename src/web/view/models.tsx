// Who answers, the keys of providers, and servers of models on this machine.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Provider } from "../api.ts";
import { useApp } from "../app.ts";
import { visible } from "../text.ts";
import { ChevronIcon } from "./icons.tsx";
import { KeyForm } from "./key_form.tsx";
import { LocalServers } from "./local_servers.tsx";
import { useModels, type ModelDesk } from "./model_desk.ts";
import { Action, Panel } from "./panel.tsx";

export function ModelsDialog({ onClose }: { readonly onClose: () => void }) {
  const { models, problem, look, ...deeds } = useModels();
  return (
    <Panel title="Models" problem={problem} onClose={onClose}>
      {models === null ? (
        problem === "" && <p>Looking …</p>
      ) : (
        <>
          <Speakers models={models} {...deeds} />
          <h3>Providers</h3>
          <p>
            A key stays on this machine and is used by nobody but you. What you ask, and what is read of your files,
            goes to the provider.
          </p>
          <ul>
            {models.providers.map((provider) => (
              <ProviderCard key={provider.name} provider={provider} models={models} {...deeds} />
            ))}
          </ul>
          <div class="models-head">
            <h3>On this machine</h3>
            <button type="button" class="button" onClick={() => void look()}>
              Look again
            </button>
          </div>
          <LocalServers models={models} {...deeds} />
          {!models.isFixed && <Order key={models.speaks.join()} models={models} {...deeds} />}
        </>
      )}
    </Panel>
  );
}

function Speakers({ models, act }: ModelDesk) {
  const { api } = useApp();
  const words = useRef<HTMLParagraphElement>(null);
  const { problem, isFixed, chosen } = models;
  // The button that was pressed may be gone: whoever goes by keyboard goes on from what came of it.
  useEffect(() => {
    if (document.activeElement === document.body) words.current?.focus({ preventScroll: true });
  }, [models]);
  return (
    <>
      <p ref={words} class="models-speaker" role="status" tabIndex={-1}>
        {problem === null ? <Speaker names={models.speaks} /> : problem}
        {isFixed && " This is what SANDPIPER_MODEL says, which only .env can change."}
      </p>
      {chosen !== "" && !isFixed && (
        <button type="button" class="button" onClick={() => void act(() => api.chooseModels(""))}>
          Choose by the keys that are there
        </button>
      )}
    </>
  );
}

function Speaker({ names: [first, ...others] }: { readonly names: readonly string[] }) {
  if (first === undefined)
    return <>The built-in planner answers, without a language model: charts, tables and summaries of your files.</>;
  return (
    <>
      <code>{visible(first)}</code> answers
      {others.length > 0 && `; if it cannot be asked, then ${others.map(visible).join(", ")}`}.
    </>
  );
}

const KEYS = { page: "Key set", env: "Key set in .env", none: "No key" } as const;

function ProviderCard({ provider, ...desk }: ModelDesk & { readonly provider: Provider }) {
  const isOpen = useSignal(false);
  const hasClosed = useRef(false);
  const card = useRef<HTMLLIElement>(null);
  const { title, key, hint } = provider;
  // The field is gone: whoever goes by keyboard is not to begin anew.
  useEffect(() => {
    if (!isOpen.value && hasClosed.current) card.current?.querySelector<HTMLElement>("[data-key]")?.focus();
  }, [isOpen.value]);
  const close = (): void => {
    hasClosed.current = true;
    isOpen.value = false;
  };
  return (
    <li class="panel-card" ref={card}>
      <div class="panel-card-head">
        <h4>{title}</h4>
        <p class={`panel-state ${key === null ? "panel-state-none" : "panel-state-up"}`}>{KEYS[key ?? "none"]}</p>
      </div>
      {hint !== "" && <p>{hint}</p>}
      {isOpen.value ? (
        <KeyForm provider={provider} onKept={desk.show} onClose={close} />
      ) : (
        <ProviderActions provider={provider} onEnter={() => (isOpen.value = true)} {...desk} />
      )}
    </li>
  );
}

type ProviderProps = ModelDesk & { readonly provider: Provider; readonly onEnter: () => void };

function ProviderActions({ provider, onEnter, models, act }: ProviderProps) {
  const { api } = useApp();
  const { name, title, key, model, hint } = provider;
  const isAsked = models.speaks[0]?.split(":")[0] === name;
  const canUse = key !== null && model !== null && !models.isFixed && !isAsked;
  return (
    <div class="models-actions">
      {canUse && (
        <Action
          label={`Use ${model}`}
          of={title}

          onClick={() => void act(() => api.chooseModels(name))}
        />
      )}
      {key !== "env" && hint === "" && (
        <Action
          label={key === null ? "Set key …" : "Replace key …"}
          of={title}

          isForKey
          onClick={onEnter}
        />
      )}
      {key === "page" && (
        <Action
          label="Remove key"
          of={title}

          onClick={() => void act(() => api.forgetProvider(name))}
        />
      )}
    </div>
  );
}

/** For whoever wants another model than the usual one, or several. */
function Order({ models, act }: ModelDesk) {
  const { api } = useApp();
  const text = useSignal(models.chosen === "" ? models.speaks.join(", ") : models.chosen.replaceAll(",", ", "));
  return (
    <details class="models-order">
      <summary>
        <ChevronIcon size={16} />
        Another model, or several in order
      </summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void act(() => api.chooseModels(text.value));
        }}
      >
        <label for="models-order">Models, with commas; the next is asked if one cannot be</label>
        <input
          id="models-order"
          type="text"
          autocomplete="off"
          spellcheck={false}
          placeholder="anthropic:claude-sonnet-5, ollama:llama3.2"
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
        <button type="submit" class="button">
          Use these
        </button>
      </form>
    </details>
  );
}
