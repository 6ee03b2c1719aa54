import type { Page } from '@playwright/test';

/**
 * The access token of all tabs is over from now on, as after an hour with the lid closed, until one of them refreshes.
 * Returns how often each of the pages did.
 */
export async function oversleep(...pages: Page[]): Promise<() => Promise<number[]>> {
  for (const page of pages) await page.evaluate(watch);
  // Once for all of them: what one page asks for by itself must not renew it for itself alone.
  await pages[0]?.evaluate(() => {
    localStorage.setItem('test-token', 'over');
  });
  return () => Promise.all(pages.map((page) => page.evaluate(() => (window as unknown as { seen: { refreshes: number } }).seen.refreshes)));
}

function watch(): void {
  const real = window.fetch;
  const seen = { refreshes: 0 };
  Object.assign(window, { seen });
  window.fetch = async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : String(input), window.location.origin);
    if (pathname === '/api/v1/auth/refresh') {
      seen.refreshes += 1;
      const answer = await real(input, init);
      localStorage.setItem('test-token', 'good');
      return answer;
    }
    const over = pathname.startsWith('/api/') && localStorage.getItem('test-token') === 'over';
    return over ? Response.json({ status: 401, title: 'Unauthorized', rule: 'unauthenticated' }, { status: 401 }) : real(input, init);
  };
}
