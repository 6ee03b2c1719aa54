import { expect, test, type Page } from '@playwright/test';
import { logIn, PROJECT } from '../pages';

const STAGING = '01981f00-0000-7000-8000-00000000000b';

/** From now on the session takes its time to change projects; says how often it was asked to. */
async function slowly(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const real = window.fetch;
    const seen = window as unknown as { changes: number };
    seen.changes = 0;
    window.fetch = async (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      if (url.endsWith('/api/v1/auth/refresh')) {
        seen.changes += 1;
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
      return real(input, init);
    };
  });
  return () => page.evaluate(() => (window as unknown as { changes: number }).changes);
}

async function change(page: Page, to: string): Promise<void> {
  await page.getByRole('button', { name: /^Project / }).click();
  await page.getByRole('menuitem', { name: to }).click();
}

test.beforeEach(async ({ page }) => logIn(page));

test('a click on a link while the project is being changed goes on in the new one', async ({ page }) => {
  const changes = await slowly(page);
  await change(page, 'staging');
  await page.getByRole('link', { name: 'Incidents', exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`/p/${STAGING}/incidents`));
  await expect(page.getByRole('heading', { name: 'Incidents', level: 1 })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Project staging of Nordlicht' })).toBeVisible();
  await expect(page.getByText('Nothing is on fire')).toBeVisible();
  await expect(page.getByRole('link', { name: /Checkout answers 502/ })).toHaveCount(0);
  expect(await changes()).toBe(1);
});

test('a page that is being left takes no clicks', async ({ page }) => {
  await slowly(page);
  const main = page.locator('#main');
  await expect(main).not.toHaveAttribute('inert');
  await change(page, 'staging');
  await expect(main).toHaveAttribute('inert');
  await expect(page.getByText('Nothing is on fire')).toBeVisible();
  await expect(main).not.toHaveAttribute('inert');
});

test('whoever goes back while the project is being changed is back in the old one', async ({ page }) => {
  await slowly(page);
  await change(page, 'staging');
  await expect(page).toHaveURL(new RegExp(`/p/${STAGING}`));
  await page.goBack();
  await expect(page).toHaveURL(new RegExp(`/p/${PROJECT}`));
  await expect(page.getByRole('button', { name: 'Project default of Nordlicht' })).toBeVisible();
  await page.getByRole('link', { name: 'Incidents', exact: true }).click();
  await expect(page.getByRole('link', { name: /Checkout answers 502/ }).first()).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('a pointer that rests on a project changes nothing', async ({ page }) => {
  const changes = await slowly(page);
  await page.getByRole('button', { name: /^Project / }).click();
  await page.getByRole('menuitem', { name: 'staging' }).hover();
  // Longer than it has to rest there for the router to look ahead.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
  expect(await changes()).toBe(0);
});

test('a tab whose session another tab took to another project has it back when its connection comes back', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/incidents`);
  const live = page.getByRole('status', { name: 'Live', exact: true });
  await expect(live).toBeVisible();
  // What another tab does: the session is shared.
  await page.evaluate((id) => fetch('/api/v1/auth/refresh', { method: 'POST', body: JSON.stringify({ project_id: id }) }), STAGING);
  const projectOfSession = () => page.evaluate(async () => ((await (await fetch('/api/v1/auth/me')).json()) as { project: { id: string } }).project.id);
  expect(await projectOfSession()).toBe(STAGING);
  await page.evaluate(() => window.dispatchEvent(new Event('offline')));
  await expect.poll(projectOfSession).toBe(PROJECT);
  await expect(live).toBeVisible();
});
