// What the agent does in each situation, told once and played on every wire.
import { CODE } from "./scenarios/code.ts";
import { FAULTS } from "./scenarios/faults.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { TALK } from "./scenarios/talk.ts";
import { TRUST } from "./scenarios/trust.ts";

export const SCENARIOS: readonly Scenario[] = [...CODE, ...FAULTS, ...TALK, ...TRUST];
