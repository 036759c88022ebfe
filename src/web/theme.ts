// Light, dark, or as the system has it. theme_boot.ts applies the remembered choice before the first paint.
import { signal, type ReadonlySignal } from "@preact/signals";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const THEME_KEY = "sandpiper-theme";

export type ThemeChoice = { readonly theme: ReadonlySignal<Theme>; readonly choose: (theme: Theme) => void };

export function createTheme(): ThemeChoice {
  const stored = localStorage.getItem(THEME_KEY);
  const theme = signal<Theme>(THEMES.find((known) => known === stored) ?? "system");
  return {
    theme,
    choose: (next) => {
      theme.value = next;
      localStorage.setItem(THEME_KEY, next);
      document.documentElement.dataset["theme"] = next;
    },
  };
}
