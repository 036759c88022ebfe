// What is shown in place of the desk when this browser is not paired, or core does not answer.
import { useApp } from "../app.ts";
import { CopyButton } from "./copy.tsx";
import { Bird } from "./icons.tsx";

const LINK_COMMAND = "bun run link";

export function Gate() {
  const app = useApp();
  const isOffline = app.pairing.value === "offline";
  return (
    <main class="gate">
      <div class="gate-card">
        <span class="gate-mark">
          <Bird size={40} />
        </span>
        {isOffline ? <Offline /> : <Unpaired />}
        {app.pairingProblem.value !== "" && (
          <p class="gate-problem" role="alert">
            {app.pairingProblem.value}
          </p>
        )}
        <button type="button" class="button" onClick={() => void app.connect()}>
          {isOffline ? "Try again" : "Check again"}
        </button>
      </div>
    </main>
  );
}

function Unpaired() {
  return (
    <>
      <h1>This browser is not paired yet</h1>
      <p>
        Only browsers that you let in can see your conversations. Run this in the project folder and open the link that
        it prints:
      </p>
      <div class="command">
        <code>{LINK_COMMAND}</code>
        <CopyButton text={LINK_COMMAND} label="Copy the command" />
      </div>
    </>
  );
}

function Offline() {
  return (
    <>
      <h1>Sandpiper does not answer</h1>
      <p>Your conversations are safe on your disk. Start Sandpiper again, then come back to this page.</p>
    </>
  );
}
