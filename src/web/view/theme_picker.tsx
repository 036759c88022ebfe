// Light, dark or as the system: three native radio buttons, drawn as one switch.
import type { JSX } from "preact";
import { useApp } from "../app.ts";
import { THEMES, type Theme } from "../theme.ts";
import { MoonIcon, ScreenIcon, SunIcon } from "./icons.tsx";

const LOOKS: Record<Theme, { readonly label: string; readonly icon: JSX.Element }> = {
  system: { label: "Theme of the system", icon: <ScreenIcon size={16} /> },
  light: { label: "Light theme", icon: <SunIcon size={16} /> },
  dark: { label: "Dark theme", icon: <MoonIcon size={16} /> },
};

export function ThemePicker() {
  const { theme } = useApp();
  return (
    <fieldset class="theme-picker">
      <legend class="sr-only">Theme</legend>
      {THEMES.map((name) => (
        <label key={name} title={LOOKS[name].label}>
          <input
            type="radio"
            name="theme"
            value={name}
            checked={theme.theme.value === name}
            onChange={() => theme.choose(name)}
          />
          {LOOKS[name].icon}
          <span class="sr-only">{LOOKS[name].label}</span>
        </label>
      ))}
    </fieldset>
  );
}
