// What the tests use of set-up, which is plain JavaScript because it runs before anything is installed.
type Progress = {
  readonly ready: (what: string, detail?: string) => void;
  readonly note: (text: string) => void;
  readonly step: (what: string, work: () => Promise<unknown>) => Promise<unknown>;
};
type SetupContext = {
  readonly root: string;
  readonly tools: string;
  readonly home: string;
  readonly bun: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly progress: Progress;
};

declare module "*/setup/bun.mjs" {
  export function isAtLeast(version: string, minimum: string): boolean;
  export function candidates(context: Pick<SetupContext, "tools" | "home" | "settings">): string[];
  export function packageName(platform: string, architecture: string, isMusl: boolean): string | null;
  export function npmEnvironment(environment: Record<string, string>): Record<string, string>;
}

declare module "*/setup/context.mjs" {
  export function usesLocalRoom(settings: Readonly<Record<string, string>>): boolean;
  export function readDotEnv(text: string): Record<string, string>;
}

declare module "*/setup/failure.mjs" {
  export function lastLine(output: string): string;
  export function saysUnreachable(output: string): boolean;
  export function fromSystem(error: unknown): Error & { readonly fix: string };
}

declare module "*/setup/lock.mjs" {
  export function withLock<T>(path: string, work: () => Promise<T>, onWait?: () => void): Promise<T>;
  export function isStale(path: string): boolean;
}

declare module "*/setup/added_packages.mjs" {
  type Site = { readonly executable: string; readonly site: string };
  type Locked = { readonly name: string; readonly version: string; readonly sha256: string };
  type Plan = { readonly wishes: readonly string[]; readonly packages: readonly Locked[] };
  type Verify = (site: string, modules: readonly string[]) => Promise<string | null>;
  export function readAdded(context: SetupContext): { wish: string; packages: Locked[] }[];
  export function addPackages(context: SetupContext, python: Site, plan: Plan, verify: Verify): Promise<void>;
  export function removePackages(context: SetupContext, python: Site, names: readonly string[]): Locked[];
}

declare module "*/setup/pip.mjs" {
  export const PIP: { readonly project: string; readonly file: string; readonly sha256: string };
}

declare module "*/setup/python.mjs" {
  export type Python = { readonly executable: string; readonly minor: number; readonly base: string | null };
  export function candidatePaths(settings: Readonly<Record<string, string>>): string[];
  export function inspect(path: string): Python | null;
  type Found = { readonly executable: string; readonly site: string | null; readonly source: string };
  export function ensurePython(context: SetupContext, bwrap: string): Promise<Found>;
}

declare module "*/setup/python_packages.mjs" {
  type Target = { readonly executable: string; readonly minor: number; readonly hasPip?: boolean };
  export function installNotebook(context: SetupContext, python: Target): Promise<string>;
  export function installPackages(context: SetupContext, python: Target): Promise<string>;
  export function addMore(context: SetupContext, python: Target & { readonly site: string }): Promise<void>;
  export function lacksMore(python: { source: string; minor: number; site: string }): boolean;
}

declare module "*/setup/resolve_packages.mjs" {
  type Site = { readonly executable: string; readonly site: string };
  type Locked = { readonly name: string; readonly version: string; readonly sha256: string };
  export function resolve(context: SetupContext, python: Site, wishes: readonly string[]): Promise<Locked[]>;
}

declare module "*/setup/stamp.mjs" {
  export function treeDigest(folder: string): string;
  export function writeAtomically(path: string, text: string): void;
}

declare module "*/setup/totals.mjs" {
  type Totals = { readonly passed: number; readonly failed: number; readonly skipped: number };
  export function readCoverage(output: string): number | null;
  export function readTotals(output: string, exitCode: number): Totals;
  export function totalsLine(totals: Totals): string;
}

declare module "*/setup/wheel.mjs" {
  type Wheel = { readonly project: string; readonly file: string; readonly sha256: string };
  export function downloadWheel(context: SetupContext, wheel: Wheel): Promise<string>;
  export function unzip(path: string, folder: string): void;
}
