// What set-up says while it works: one line a part, on stderr, so that stdout stays the command's own.

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const WIDTH = 66;

/** Seconds as people read them: 0.4 s, 12 s, 2 min 5 s. */
export function seconds(ms) {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/**
 * step(what, work): runs `work` and prints one line when it ends; what `work` resolves to is the line's detail.
 * ready(what, detail): a part that needed nothing; printed only when `isTable`, paths below `root` without it.
 * note(text): one line of its own.
 */
export function createProgress(stream, { isTable = false, root = "" } = {}) {
  const isTerminal = stream.isTTY === true;
  const paint = (code, text) => (isTerminal && !process.env.NO_COLOR ? `\u001b[${code}m${text}\u001b[0m` : text);
  const line = (mark, what, detail, time) => {
    const left = detail ? `${what} (${detail})` : what;
    stream.write(`${isTerminal ? "\r\u001b[K" : ""}  ${mark} ${left.padEnd(WIDTH)} ${paint(2, time)}`.trimEnd() + "\n");
  };
  return {
    isTerminal,
    note: (text) => stream.write(`  ${text}\n`),
    ready: (what, detail = "") =>
      isTable && line(paint(32, "✓"), what, detail.replaceAll(`${root}/`, ""), "already there"),
    async step(what, work) {
      const started = Date.now();
      const stop = isTerminal ? spin(stream, what) : () => {};
      try {
        const detail = await work();
        stop();
        line(paint(32, "✓"), what, typeof detail === "string" ? detail : "", seconds(Date.now() - started));
        return detail;
      } catch (error) {
        stop();
        line(paint(31, "✗"), what, "", seconds(Date.now() - started));
        throw error;
      }
    },
  };
}

function spin(stream, what) {
  const started = Date.now();
  let frame = 0;
  const timer = setInterval(() => {
    frame = (frame + 1) % FRAMES.length;
    stream.write(`\r\u001b[K  ${FRAMES[frame]} ${what} ${seconds(Date.now() - started)}`);
  }, 100);
  return () => clearInterval(timer);
}
