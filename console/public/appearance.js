// Runs before the first paint, so that a dark page never flashes white.
(function () {
  var kept = null;
  try {
    kept = localStorage.getItem("tessera.appearance");
  } catch {
    // Without storage the system decides.
  }
  var dark = kept === "dark" || (kept !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
