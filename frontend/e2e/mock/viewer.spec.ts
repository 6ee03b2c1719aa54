import { expect, test } from '@playwright/test';
import { logIn, PROJECT, settled } from '../pages';

test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => {
    const real = window.fetch;
    window.fetch = async (input, init) => {
      const response = await real(input, init);
      const { pathname } = new URL(input instanceof Request ? input.url : String(input), window.location.origin);
      if (!response.ok || pathname !== '/api/v1/auth/me') return response;
      return Response.json({ ...((await response.json()) as object), role: 'viewer', permissions: [] });
    };
  });
  await logIn(page);
});

test('whoever only looks selects no incidents, by the keyboard either', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/incidents`);
  await settled(page);
  await page.keyboard.press('j');
  await expect(page.getByRole('table', { name: 'Incidents' }).locator(':focus')).toHaveCount(1);
  await page.keyboard.press('x');
  await expect(page.getByRole('checkbox', { name: /^Select/ })).toHaveCount(0);
  await expect(page.getByRole('toolbar', { name: 'Selected incidents' })).toHaveCount(0);
});

test('whoever may not declare incidents is told so before they write', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/incidents`);
  await settled(page);
  await page.keyboard.press('c');
  await expect(page.getByText('Your role does not declare incidents')).toBeVisible();
  await expect(page.getByLabel('What is wrong?')).toHaveCount(0);
});
