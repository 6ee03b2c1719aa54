const RELOADED_AT = 'srec-reloaded-at';
/** Where the page lacks a part right after it was loaded anew, doing it again would not help. */
const ONCE_IN_MS = 60_000;

/** Loads the whole page anew as soon as the server has it; not again and again where that does not help. */
export async function reloadWhenThere(): Promise<void> {
  const reloadedAt = Number(sessionStorage.getItem(RELOADED_AT) ?? 0);
  if (Date.now() - reloadedAt < ONCE_IN_MS || !(await isThere())) return;
  sessionStorage.setItem(RELOADED_AT, String(Date.now()));
  window.location.reload();
}

async function isThere(): Promise<boolean> {
  const answer = await fetch('/', { cache: 'no-store' }).catch(() => undefined);
  return answer?.ok ?? false;
}
