import { expect, type Page } from '@playwright/test';

/** What must never happen on a page: policy violations, requests to elsewhere, uncaught errors. */
export interface Watch {
  assertClean: () => Promise<void>;
}

export async function watch(page: Page, origin: string): Promise<Watch> {
  const trouble: string[] = [];
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`CSP violation: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  page.on('console', (message) => {
    const text = message.text();
    // A refused request is logged by the browser itself; the tests of refusals expect those.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) trouble.push(text);
  });
  page.on('pageerror', (error) => {
    // The mock API's own: a page was left while it looked for a newer worker.
    if (!error.message.startsWith('Failed to update a ServiceWorker')) trouble.push(String(error));
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (/^(https?|wss?):$/.test(url.protocol) && url.host !== new URL(origin).host) trouble.push(`left the origin: ${url}`);
  });
  return { assertClean: async () => expect(trouble).toEqual([]) };
}
