// Classic BPF as the kernel's seccomp takes it. A program is a tree: questions about a loaded word, and answers as leaves.

/** One `struct sock_filter`: how far to jump when the question is answered by yes and by no. */
type Instruction = { readonly code: number; readonly yes: number; readonly no: number; readonly operand: number };
export type Program = readonly Instruction[];

const LOAD_WORD = 0x20;
const AND = 0x54;
const JUMP = 0x05;
const RETURN = 0x06;
const QUESTIONS = { equals: 0x15, isAtLeast: 0x35, hasAnyOf: 0x45 } as const;
/** The distance of a question's jump is one byte. */
const MAX_DISTANCE = 255;
const INSTRUCTION_BYTES = 8;

export function answer(value: number): Program {
  return [{ code: RETURN, yes: 0, no: 0, operand: value }];
}

/** Loads the 32-bit word at this place of `struct seccomp_data`. */
export function load(offset: number, then: Program): Program {
  return [{ code: LOAD_WORD, yes: 0, no: 0, operand: offset }, ...then];
}

/** Keeps only these bits of the loaded word. */
export function keep(mask: number, then: Program): Program {
  return [{ code: AND, yes: 0, no: 0, operand: mask }, ...then];
}

export function when(question: keyof typeof QUESTIONS, operand: number, yes: Program, no: Program): Program {
  const code = QUESTIONS[question];
  if (no.length <= MAX_DISTANCE) return [{ code, yes: no.length, no: 0, operand }, ...no, ...yes];
  return [{ code, yes: 0, no: 1, operand }, { code: JUMP, yes: 0, no: 0, operand: no.length }, ...no, ...yes];
}

/** Little endian, as both architectures that we know are. */
export function encode(program: Program): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(program.length * INSTRUCTION_BYTES));
  program.forEach(({ code, yes, no, operand }, index) => {
    const start = index * INSTRUCTION_BYTES;
    view.setUint16(start, code, true);
    view.setUint8(start + 2, yes);
    view.setUint8(start + 3, no);
    view.setUint32(start + 4, operand, true);
  });
  return new Uint8Array(view.buffer);
}
