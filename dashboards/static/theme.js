// Before anything is painted: the theme that was chosen here, or the system's.
(() => {
  const chosen = localStorage.getItem("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = () => (document.documentElement.dataset.theme = localStorage.getItem("theme") ?? (system.matches ? "dark" : "light"));
  system.addEventListener("change", show);
  document.documentElement.dataset.theme = chosen ?? (system.matches ? "dark" : "light");
})();
