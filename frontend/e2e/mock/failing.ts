import type { Page } from '@playwright/test';

interface Failing {
  /** Requests whose method and address, `POST /api/v1/incidents`, contain this fail. */
  on: string;
  /** So often, then no more. */
  times: number;
  /** `lost`: the server did it, and the answer did not come. A number: it answered that and did nothing. */
  how: 'lost' | number;
  /** What the answer says besides, such as the fields that are wrong. */
  body?: object;
  /** Before it fails or is let through. */
  afterMs?: number;
}

/**
 * Has requests of the page fail from now on, in the page itself: the mock API answers in its service worker. Returns the
 * idempotency keys of the requests that it was on.
 */
export async function fail(page: Page, failing: Failing): Promise<() => Promise<(string | null)[]>> {
  await page.evaluate(install, failing);
  return () => page.evaluate(() => (window as unknown as { asked: (string | null)[] }).asked);
}

/** The same for a page that is opened next, from its first request on. */
export async function failFirst(page: Page, failing: Failing): Promise<void> {
  await page.addInitScript(install, failing);
}

function install({ on, times, how, body, afterMs = 0 }: Failing): void {
  const real = window.fetch;
  const asked: (string | null)[] = [];
  Object.assign(window, { asked });
  let left = times;
  window.fetch = async (input, init) => {
    const request = input instanceof Request ? input : new Request(new URL(input, window.location.origin), init);
    if (!`${request.method} ${new URL(request.url).pathname}`.includes(on)) return real(request);
    asked.push(request.headers.get('Idempotency-Key'));
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    if (left <= 0) return real(request);
    left -= 1;
    if (how === 'lost') {
      await real(request);
      throw new TypeError('Failed to fetch');
    }
    return Response.json({ status: how, title: how === 202 ? 'Accepted' : 'Service Unavailable', command_id: 'c1', status_url: '/c1', ...body }, { status: how });
  };
}
