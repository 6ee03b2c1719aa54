// Sets the colour scheme before the first paint. It is a file, not inline, because the CSP forbids inline scripts.
(function () {
  var stored = null;
  try {
    stored = window.localStorage.getItem('srec-color-scheme');
  } catch {
    // Storage may be blocked; the system preference then decides.
  }
  var dark =
    stored === 'dark' ||
    (stored !== 'light' && window.matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
})();
