// Before the first paint: the theme that a person chose; without one the system's stands.
(() => {
  try {
    const theme = localStorage.getItem("infrakt_theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch {
    // A browser that keeps nothing follows the system.
  }
})();
