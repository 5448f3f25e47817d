// Light and dark: the system's, or what a person chose, remembered.

export type Theme = "system" | "light" | "dark";

export function theme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "dark" || chosen === "light" ? chosen : "system";
}

export function setTheme(chosen: Theme): void {
  try {
    if (chosen === "system") localStorage.removeItem("infrakt_theme");
    else localStorage.setItem("infrakt_theme", chosen);
  } catch {
    // Not remembered, then.
  }
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

export function switchTheme(): void {
  const now = theme();
  const dark = now === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : now === "dark";
  setTheme(dark ? "light" : "dark");
}
