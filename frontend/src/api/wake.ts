const LOOK_EVERY_MS = 5_000;
/** A look that comes so late was held up by a machine that slept. */
const SLEPT_MS = 30_000;
/** Tabs in the background look once a minute. */
const SLEPT_UNSEEN_MS = 150_000;

/**
 * Calls whenever the machine has slept: its sockets may be dead without anybody having said so. Returns how to be called
 * no more.
 */
export function onWake(act: () => void): () => void {
  let looked = Date.now();
  let unseen = document.hidden;
  const look = () => {
    const slept = Date.now() - looked > (unseen ? SLEPT_UNSEEN_MS : SLEPT_MS);
    looked = Date.now();
    unseen = document.hidden;
    if (slept) act();
  };
  document.addEventListener('visibilitychange', look);
  const watch = setInterval(look, LOOK_EVERY_MS);
  return () => {
    clearInterval(watch);
    document.removeEventListener('visibilitychange', look);
  };
}
