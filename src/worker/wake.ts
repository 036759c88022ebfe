// A waiter that can be woken: a wake between two waits is not lost.

export type Wake = {
  readonly wake: () => void;
  /** Resolves on a wake, after `ms`, or when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
};

export function createWake(): Wake {
  let isAwake = false;
  let release: (() => void) | null = null;
  const wake = () => {
    isAwake = true;
    release?.();
  };
  const wait = async (ms: number, signal: AbortSignal): Promise<void> => {
    if (!isAwake && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        release = () => {
          clearTimeout(timer);
          resolve();
        };
        signal.addEventListener("abort", release, { once: true });
      });
      if (release !== null) signal.removeEventListener("abort", release);
      release = null;
    }
    isAwake = false;
  };
  return { wake, wait };
}
