// What the kernel does with a seccomp filter: checks it when it is loaded, runs it for each call. Written from the manual.

export type Call = { readonly audit: number; readonly number: number; readonly args?: readonly bigint[] };
export type Verdict = { readonly action: string; readonly steps: number };

type Step = { readonly code: number; readonly yes: number; readonly no: number; readonly operand: number };

const RETURN = 0x06;
const ERRNO: Readonly<Record<number, string>> = {
  1: "EPERM",
  38: "ENOSYS",
  93: "EPROTONOSUPPORT",
  94: "ESOCKTNOSUPPORT",
  97: "EAFNOSUPPORT",
};

/** Throws for what the kernel would not load: unknown codes, jumps past the end, no answer at the end, too long. */
export function loaded(bytes: Uint8Array): (call: Call) => Verdict {
  const program = parse(bytes);
  if (program.length === 0 || program.length > 4_096) throw new Error(`${program.length} instructions`);
  program.forEach((step, index) => check(step, program.length - index - 1));
  if (program.at(-1)?.code !== RETURN) throw new Error("the program does not end in an answer");
  return (call) => run(program, dataOf(call));
}

function parse(bytes: Uint8Array): Step[] {
  if (bytes.length % 8 !== 0) throw new Error("half an instruction");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 8 }, (_, index) => ({
    code: view.getUint16(index * 8, true),
    yes: view.getUint8(index * 8 + 2),
    no: view.getUint8(index * 8 + 3),
    operand: view.getUint32(index * 8 + 4, true),
  }));
}

function check(step: Step, left: number): void {
  const farthest = { 0x05: step.operand, 0x15: 0, 0x35: 0, 0x45: 0 }[step.code] ?? -1;
  const isKnown = [0x20, 0x54, RETURN].includes(step.code) || farthest >= 0;
  if (!isKnown) throw new Error(`code ${step.code}`);
  if (Math.max(farthest, step.yes, step.no) >= left && step.code !== RETURN) throw new Error("a jump past the end");
  if (step.code === 0x20 && (step.operand % 4 !== 0 || step.operand >= 64)) throw new Error("a load past the data");
}

/** `struct seccomp_data`, little endian. */
function dataOf({ audit, number, args = [] }: Call): DataView {
  const view = new DataView(new ArrayBuffer(64));
  view.setUint32(0, number, true);
  view.setUint32(4, audit, true);
  view.setBigUint64(8, 0x7fff_dead_beefn, true);
  args.forEach((value, index) => view.setBigUint64(16 + index * 8, value, true));
  return view;
}

function run(program: readonly Step[], data: DataView): Verdict {
  let word = 0;
  for (let at = 0, steps = 1; ; at += 1, steps += 1) {
    const step = program[at];
    if (step === undefined) throw new Error("it ran past its end");
    const { code, operand } = step;
    if (code === RETURN) return { action: named(operand), steps };
    if (code === 0x20) word = data.getUint32(operand, true);
    else if (code === 0x54) word = (word & operand) >>> 0;
    else if (code === 0x05) at += operand;
    else at += holds(code, word, operand) ? step.yes : step.no;
  }
}

function holds(code: number, word: number, operand: number): boolean {
  if (code === 0x15) return word === operand;
  return code === 0x35 ? word >= operand : (word & operand) !== 0;
}

function named(value: number): string {
  if (value === 0x7fff_0000) return "allow";
  if (value === 0x8000_0000) return "kill";
  if ((value & 0xffff_0000) === 0x0005_0000) return ERRNO[value & 0xffff] ?? `errno ${value & 0xffff}`;
  return value.toString(16);
}
