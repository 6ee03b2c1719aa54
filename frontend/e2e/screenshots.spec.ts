import { test } from '@playwright/test';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { logIn, PAGES } from './pages';
import { STATES } from './states';

/** Every page, light and dark, wide and on a phone, into SHOTS_DIR: pictures for people to look at, not a comparison. */
const folder = process.env.SHOTS_DIR ?? 'test-results/screenshots';

const WIDTHS = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
];

for (const colorScheme of ['light', 'dark'] as const) {
  for (const viewport of WIDTHS) {
    test(`${colorScheme} ${viewport.width}`, async ({ browser, baseURL }) => {
      test.setTimeout(240_000);
      mkdirSync(folder, { recursive: true });
      const context = await browser.newContext({ colorScheme, viewport, baseURL, reducedMotion: 'reduce' });
      const page = await context.newPage();
      const shoot = (name: string) =>
        page.screenshot({ path: join(folder, `${name}-${colorScheme}-${viewport.width}.png`), fullPage: true });
      for (const shown of PAGES.filter((one) => !one.signedIn)) {
        await shown.open(page);
        await shoot(shown.name);
      }
      await logIn(page);
      for (const shown of [...PAGES.filter((one) => one.signedIn), ...STATES]) {
        await shown.open(page);
        await shoot(shown.name);
      }
      await context.close();
    });
  }
}
