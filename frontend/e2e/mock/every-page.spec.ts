import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { logIn, PAGES } from '../pages';
import { watch } from './watch';

// Each takes minutes.
test.describe.configure({ mode: 'parallel' });

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

for (const colorScheme of ['light', 'dark'] as const) {
  test(`every page is accessible and keeps to the policy (${colorScheme})`, async ({ browser, baseURL }) => {
    // Each page and a look at all of it; a slow machine takes three minutes.
    test.setTimeout(480_000);
    const context = await browser.newContext({ colorScheme, reducedMotion: 'reduce', baseURL });
    const page = await context.newPage();
    const watched = await watch(page, baseURL ?? '');
    const check = async (name: string) => {
      const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
      const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      const found = grave.map(({ id, nodes }) => `${name}: ${id}: ${nodes.map((node) => node.html).join(' | ')}`);
      expect.soft(found).toEqual([]);
    };
    for (const shown of PAGES.filter((one) => !one.signedIn)) {
      await shown.open(page);
      await check(shown.name);
    }
    await logIn(page);
    for (const shown of PAGES.filter((one) => one.signedIn)) {
      await shown.open(page);
      await check(shown.name);
    }
    await watched.assertClean();
    await context.close();
  });
}

test('no page scrolls sideways on a phone', async ({ browser, baseURL }) => {
  test.setTimeout(120_000);
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, baseURL });
  const page = await context.newPage();
  await logIn(page);
  for (const shown of PAGES) {
    if (!shown.signedIn) continue;
    await shown.open(page);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect.soft(width, shown.name).toBeLessThanOrEqual(390);
  }
  await context.close();
});

test('the preview sends the policy that the pages are tested under', async ({ request }) => {
  const response = await request.get('/');
  expect(response.headers()['content-security-policy']).toContain("script-src 'self'");
});

test('the watch notices what it watches for', async ({ page, baseURL }) => {
  const watched = await watch(page, baseURL ?? '');
  await page.goto('/login');
  await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.injected = true';
    document.body.append(script);
  });
  await expect(watched.assertClean()).rejects.toThrow(/Content Security Policy|CSP violation/);
});
