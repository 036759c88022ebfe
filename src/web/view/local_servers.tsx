// Servers of models on this machine: found, allowed, in use, or gone.
import { useSignal } from "@preact/signals";
import type { LocalServer } from "../api.ts";
import { useApp } from "../app.ts";
import { visible } from "../text.ts";
import type { ModelDesk } from "./model_desk.ts";
import { Action } from "./panel.tsx";

const providerOf = (name: string): string => name.split(":")[0] ?? "";

export function LocalServers(desk: ModelDesk) {
  const { local, confirmed } = desk.models;
  const gone = confirmed.filter((name) => !local.some(({ provider }) => provider === providerOf(name)));
  if (local.length === 0 && gone.length === 0)
    return <p>None answers at its usual port: not Ollama, LM Studio, llama.cpp, vLLM or Jan.</p>;
  return (
    <ul>
      {local.map((server) => (
        <FoundCard key={server.provider} server={server} {...desk} />
      ))}
      {gone.map((name) => (
        <GoneCard key={name} name={name} {...desk} />
      ))}
    </ul>
  );
}

function FoundCard({ server, ...desk }: ModelDesk & { readonly server: LocalServer }) {
  const { title } = server;
  const mine = desk.models.confirmed.filter((name) => providerOf(name) === server.provider);
  const isAsked = desk.models.speaks.some((name) => mine.includes(name));
  const state = isAsked ? "In use" : mine.length > 0 ? "Allowed" : "Found";
  return (
    <li class="panel-card">
      <div class="panel-card-head">
        <h4>{title}</h4>
        <p class={`panel-state ${isAsked ? "panel-state-up" : "panel-state-none"}`}>{state}</p>
      </div>
      {mine.length === 0 && <p>Nothing is sent to it before you say that it may be used.</p>}
      {server.models.length === 0 ? (
        <p>It has no model yet.</p>
      ) : (
        <Choice server={server} initially={mine.at(-1)?.slice(server.provider.length + 1)} {...desk} />
      )}
    </li>
  );
}

type ChoiceProps = ModelDesk & { readonly server: LocalServer; readonly initially: string | undefined };

function Choice({ server, initially, models, act }: ChoiceProps) {
  const { api } = useApp();
  const { provider, title } = server;
  const wanted = useSignal(server.models.find((model) => model === initially) ?? server.models[0] ?? "");
  const name = `${provider}:${wanted.value}`;
  return (
    <div class="models-actions">
      <select
        aria-label={`Model of ${title}`}
        value={wanted.value}
        onChange={(event) => {
          wanted.value = event.currentTarget.value;
        }}
      >
        {server.models.map((model) => (
          <option key={model} value={model}>
            {visible(model)}
          </option>
        ))}
      </select>
      {!models.isFixed && models.speaks[0] !== name && (
        <Action label="Use" of={title} onClick={() => void act(() => api.chooseModels(name))} />
      )}
      {initially !== undefined && (
        <Action
          label="Forget"
          of={title}

          onClick={() => void act(() => api.forgetProvider(provider))}
        />
      )}
    </div>
  );
}

function GoneCard({ name, act }: ModelDesk & { readonly name: string }) {
  const { api } = useApp();
  const title = visible(name);
  const forget = (): void => void act(() => api.forgetProvider(providerOf(name)));
  return (
    <li class="panel-card">
      <div class="panel-card-head">
        <h4>{title}</h4>
        <p class="panel-state">Does not answer</p>
      </div>
      <div class="models-actions">
        <Action label="Forget" of={title} onClick={forget} />
      </div>
    </li>
  );
}
